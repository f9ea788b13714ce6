"""Evaluation while training: everybody in the validation split, scored and shown.

Every process reads all people, so that each knows the score; the network's work is
split over the devices of all.
"""

import itertools
from collections.abc import Callable, Iterator

import jax
import numpy as np

from hourglass_jax.data.pipeline import Batch, evaluation_batches, training_batches
from hourglass_jax.evaluation import Answers, collect
from hourglass_jax.training.pictures import PEOPLE_SHOWN, draw_sheet
from hourglass_jax.training.run import Run
from hourglass_jax.training.sharding import put_batch
from hourglass_jax.training.state import Variables
from hourglass_jax.training.statistics import precise_statistics


def evaluated_variables(run: Run) -> Variables:
    """What is scored: the average, if any, with exact statistics, if asked for."""
    count = run.config.train.precise_statistics
    if not count:
        return run.state.evaluated
    # The first batches of the run: a run that was cut off scores alike.
    batches = training_batches(
        run.dataset,
        run.config,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    chosen = itertools.islice(batches, count)
    return precise_statistics(
        run.state.evaluated, chosen, run.net, run.config, run.mesh
    )


def evaluate(
    run: Run, variables: Variables, between: Callable[[], None] = lambda: None
) -> Answers:
    """Score the validation split, which is never augmented.

    Args:
      run: the network and its people.
      variables: what to score.
      between: called before every batch; what it raises ends the evaluation.
    """

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        between()
        return _predict(run, variables, images)

    return collect(predict, _batches(run), run.dataset.skeleton)


def draw_answers(run: Run, variables: Variables) -> np.ndarray:
    """The first people of the split, labels above, answers below, as an RGB picture."""
    batch = next(_batches(run))
    keypoints, scores = _predict(run, variables, batch["image"])
    shown = {name: array[:PEOPLE_SHOWN] for name, array in batch.items()}
    return draw_sheet(
        shown, keypoints[:PEOPLE_SHOWN], scores[:PEOPLE_SHOWN], run.dataset.skeleton
    )


def means(answers: Answers) -> dict[str, float]:
    """The mean over joints of every metric; without what no label allows to measure."""
    rows = answers.summary().items()
    found = {name: row["Mean"] for name, row in rows if name.startswith("PCK")}
    return {name: mean for name, mean in found.items() if mean is not None}


def _batches(run: Run) -> Iterator[Batch]:
    parts = run.mesh.shape["data"]
    size = max(run.config.train.batch_size, PEOPLE_SHOWN)
    return evaluation_batches(
        run.dataset.split("validation"),
        run.dataset.skeleton,
        run.config.data.input_size,
        -(-size // parts) * parts,
    )


def _predict(
    run: Run, variables: Variables, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    share = len(images) // jax.process_count()
    own = images[jax.process_index() * share :][:share]
    split = put_batch({"image": own}, run.mesh)["image"]
    keypoints, scores = run.predict(variables, split)
    return np.asarray(keypoints), np.asarray(scores)
