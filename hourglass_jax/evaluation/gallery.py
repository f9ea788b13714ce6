"""The people a model fails on most, drawn side by side."""

import base64
import dataclasses

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax import geometry
from hourglass_jax.data.pipeline import crop_person
from hourglass_jax.data.records import Records
from hourglass_jax.drawing import Picture, draw_heatmaps, draw_keypoints
from hourglass_jax.evaluation.answers import Answers
from hourglass_jax.inference import Predictor

MOST = 32
_SIDE = 200  # pixels a picture
Panel = UInt8[np.ndarray, "side side 3"]
_CERTAINTY = np.array([0.0, 0.3, 1.0])  # hidden joints are drawn fainter


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """One person: labels, answer and heatmaps in one picture.

    Attributes:
      picture: a JPEG as a data URL.
      caption: who it is.
    """

    picture: str
    caption: str


def draw_worst(
    model: Predictor,
    people: Records,
    answers: Answers,
    similarity: Float[np.ndarray, "n k"],
    count: int,
    *,
    flip: bool,
) -> list[Item]:
    """Draw those whose labelled keypoints were found worst, at most `MOST`.

    Args:
      model: whose answers these are.
      people: the records, in the order of ``answers``.
      answers: labels and predictions.
      similarity: of each keypoint to its label, in [0, 1].
      count: how many people.
      flip: as they were answered.
    """
    worst = choose_worst(answers, similarity, min(count, MOST))
    if not len(worst):
        return []
    records = [people[int(i)] for i in worst]
    size = model.card.input_size
    affines = [
        geometry.crop_affine(r["center_img"], r["side_img"], size) for r in records
    ]
    crops = [
        crop_person(record, affine, size)["image"]
        for record, affine in zip(records, affines, strict=True)
    ]
    heatmaps = model.predict_heatmaps(np.stack(crops), flip)
    items = []
    for i, record, affine, crop, maps in zip(
        worst, records, affines, crops, heatmaps, strict=True
    ):
        labelled = answers.visibility[i] > 0
        mean = similarity[i][labelled].mean()
        panels = [
            _draw(
                crop,
                affine,
                answers.truth[i],
                _CERTAINTY[answers.visibility[i]],
                answers,
            ),
            _draw(crop, affine, answers.found[i], answers.scores[i], answers),
            draw_heatmaps(_small(crop), maps),
        ]
        items.append(
            Item(
                picture=_data_url(np.hstack(panels)),
                caption=f"{record['file'].decode()}, person {record['person']}: "
                f"similarity {mean:.2f} over {labelled.sum()} keypoints",
            )
        )
    return items


def choose_worst(
    answers: Answers, similarity: Float[np.ndarray, "n k"], count: int
) -> np.ndarray:
    """Whose labelled keypoints are least similar to their labels, the worst first.

    Only people with at least half of the keypoints labelled: one joint says little.
    """
    labelled = answers.visibility > 0
    enough = np.flatnonzero(2 * labelled.sum(1) >= labelled.shape[1])
    means = (similarity * labelled).sum(1)[enough] / labelled.sum(1)[enough]
    return enough[np.argsort(means, kind="stable")[:count]]


def _draw(
    crop: Picture,
    crop_from_img: geometry.Affine,
    keypoints_img: np.ndarray,
    certainty: np.ndarray,
    answers: Answers,
) -> Panel:
    enlarged = geometry.resize_affine(
        *(_SIDE / side for side in (crop.shape[1], crop.shape[0]))
    )
    to_panel = geometry.compose(enlarged, crop_from_img)
    return draw_keypoints(
        _small(crop),
        geometry.transform(to_panel, keypoints_img),
        certainty,
        answers.skeleton,
    )


def _small(crop: Picture) -> Panel:
    return cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _data_url(picture: Picture) -> str:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
