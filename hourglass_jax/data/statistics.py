"""What a data set is made of: numbers, and the same as a picture."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.figure
import matplotlib.patches
import numpy as np

from hourglass_jax.data.annotations import Annotations
from hourglass_jax.skeleton import Skeleton

_VISIBLE, _OCCLUDED, _ABSENT = "#0072b2", "#e69f00", "#d9d9d9"
_INK = "#333333"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statistics:
    """The people of a data set.

    Attributes:
      name: of the data set.
      skeleton: what the keypoints are.
      people: how many each split has.
      photographs: how many different ones.
      visibility: people by keypoint and by 0 absent, 1 occluded, 2 visible: ``[k 3]``.
      labelled: how many people have 0, 1, ... k labelled keypoints: ``[k + 1]``.
      sides: of the people's square boxes, in pixels of the photograph: ``[n]``.
      places: keypoints in the square box, in [-0.5, 0.5] within it: ``[n k 2]``, NaN
        where absent.
    """

    name: str
    skeleton: Skeleton
    people: Mapping[str, int]
    photographs: int
    visibility: np.ndarray
    labelled: np.ndarray
    sides: np.ndarray
    places: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: counts, and the spread of the sizes."""
        shares = (5, 25, 50, 75, 95)
        sizes = np.percentile(self.sides, shares) if len(self.sides) else []
        return {
            "name": self.name,
            "people": dict(self.people),
            "photographs": self.photographs,
            "keypoints": {
                name: dict(
                    zip(("absent", "occluded", "visible"), counts.tolist(), strict=True)
                )
                for name, counts in zip(
                    self.skeleton.keypoints, self.visibility, strict=True
                )
            },
            "labelled keypoints a person": dict(enumerate(self.labelled.tolist())),
            "box side in pixels": {
                f"{share} %": round(float(size), 1)
                for share, size in zip(shares, sizes, strict=False)
            },
        }


def count(annotations: Annotations) -> Statistics:
    """Go through everybody once."""
    people = list(annotations.people())
    k = len(annotations.skeleton.keypoints)
    seen = _stack((p.visibility for p in people), (k,)).astype(np.int64)
    points = _stack((p.keypoints_img for p in people), (k, 2))
    centers = _stack((p.center_img for p in people), (2,))
    sides = _stack((p.side_img for p in people), ())
    places = (points - centers[:, None]) / sides[:, None, None]
    places[seen == 0] = np.nan
    return Statistics(
        name=annotations.name,
        skeleton=annotations.skeleton,
        people={split: len(members) for split, members in annotations.splits.items()},
        photographs=len({person.file for person in people}),
        visibility=np.stack([(seen == value).sum(0) for value in range(3)], -1),
        labelled=np.bincount((seen > 0).sum(1), minlength=k + 1),
        sides=sides,
        places=places,
    )


def _stack(rows: Iterable[Any], shape: tuple[int, ...]) -> np.ndarray:
    listed = list(rows)
    return np.array(listed, np.float64).reshape(len(listed), *shape)


def draw_page(statistics: Statistics, path: Path) -> None:
    """Write the page of statistics as a picture, in the format of the file's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = matplotlib.figure.Figure(figsize=(12, 9), dpi=110, layout="constrained")
    people = ", ".join(f"{n:,} {split}" for split, n in statistics.people.items())
    figure.suptitle(
        f"{statistics.name}: {people} people on {statistics.photographs:,} photographs",
        fontsize=15,
        color=_INK,
    )
    axes = figure.subplots(2, 2)
    _draw_visibility(axes[0, 0], statistics)
    _draw_places(axes[0, 1], statistics)
    _draw_labelled(axes[1, 0], statistics)
    _draw_sides(axes[1, 1], statistics)
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _draw_visibility(axes: Any, statistics: Statistics) -> None:
    total = np.maximum(statistics.visibility.sum(1), 1)
    shares = 100 * statistics.visibility / total[:, None]
    rows = np.arange(len(shares))
    left = np.zeros(len(shares))
    for value, label, colour in (
        (2, "visible", _VISIBLE),
        (1, "occluded", _OCCLUDED),
        (0, "absent", _ABSENT),
    ):
        axes.barh(rows, shares[:, value], left=left, color=colour, label=label)
        left += shares[:, value]
    axes.set_yticks(rows, statistics.skeleton.keypoints, fontsize=8)
    axes.invert_yaxis()
    axes.set(title="Labels by keypoint", xlabel="% of the people", xlim=(0, 100))
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)


def _draw_places(axes: Any, statistics: Statistics) -> None:
    shown = statistics.places[:: max(1, len(statistics.places) // 1500)]
    for index, colour in enumerate(statistics.skeleton.colours):
        x, y = shown[:, index].T
        axes.scatter(x, y, s=2, alpha=0.35, linewidths=0, color=np.divide(colour, 255))
    axes.add_patch(
        matplotlib.patches.Rectangle((-0.5, -0.5), 1, 1, fill=False, edgecolor=_INK)
    )
    axes.set(
        title="Keypoints in the square that becomes the crop",
        xlim=(-0.75, 0.75),
        ylim=(0.75, -0.75),
        aspect="equal",
        xticks=[],
        yticks=[],
    )


def _draw_labelled(axes: Any, statistics: Statistics) -> None:
    axes.bar(np.arange(len(statistics.labelled)), statistics.labelled, color=_VISIBLE)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(title="Labelled keypoints a person", xlabel="keypoints", ylabel="people")


def _draw_sides(axes: Any, statistics: Statistics) -> None:
    sides = statistics.sides
    if len(sides):
        edges = np.geomspace(max(sides.min(), 1), max(sides.max(), 2), 40)
        axes.hist(sides, edges, color=_VISIBLE)
        axes.set_xscale("log", subs=(2, 5))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.axvline(np.median(sides), color=_INK, linewidth=1)
        axes.annotate(
            f" median {np.median(sides):.0f}",
            (np.median(sides), 0.95),
            xycoords=("data", "axes fraction"),
            color=_INK,
        )
    axes.set(
        title="Side of the square", xlabel="pixels of the photograph", ylabel="people"
    )
