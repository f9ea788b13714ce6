"""The people a model fails on most, drawn side by side."""

import base64
import dataclasses

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from hourglass_jax import geometry
from hourglass_jax.data.records import Records
from hourglass_jax.data.samples import crop_person, widen
from hourglass_jax.data.schema import Record
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
    worst = choose_worst(answers, similarity, min(count, MOST)).tolist()
    if not worst:
        return []
    records = [people[i] for i in worst]
    size = model.card.input_size
    padding = model.card.box_padding
    affines = [
        geometry.crop_affine(r["center_img"], widen(r, padding), size) for r in records
    ]
    crops = [
        crop_person(record, affine, size)["image"]
        for record, affine in zip(records, affines, strict=True)
    ]
    heatmaps = model.predict_heatmaps(np.stack(crops), flip)
    return [
        Item(
            picture=_data_url(_draw_panels(crop, affine, answers, i, maps)),
            caption=_describe(record, answers.visibility[i] > 0, similarity[i]),
        )
        for i, record, affine, crop, maps in zip(
            worst, records, affines, crops, heatmaps, strict=True
        )
    ]


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


def _describe(record: Record, labelled: np.ndarray, similarity: np.ndarray) -> str:
    mean = similarity[labelled].mean()
    return (
        f"{record['file'].decode()}, person {record['person']}: "
        f"similarity {mean:.2f} over {labelled.sum()} keypoints"
    )


def _draw_panels(
    crop: Picture,
    crop_from_img: geometry.Affine,
    answers: Answers,
    i: int,
    heatmaps: Float[np.ndarray, "hh hw k"],
) -> UInt8[np.ndarray, "side wide 3"]:
    """Labels, answers and heatmaps of person ``i``, side by side."""
    small = _small(crop)
    ratios = (_SIDE / side for side in (crop.shape[1], crop.shape[0]))
    to_panel = geometry.compose(geometry.resize_affine(*ratios), crop_from_img)
    labels = answers.truth[i], _CERTAINTY[answers.visibility[i]]
    panels = [
        draw_keypoints(
            small, geometry.transform(to_panel, points), sure, answers.skeleton
        )
        for points, sure in (labels, (answers.found[i], answers.scores[i]))
    ]
    return np.hstack([*panels, draw_heatmaps(small, heatmaps)])


def _small(crop: Picture) -> Panel:
    return cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _data_url(picture: Picture) -> str:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
