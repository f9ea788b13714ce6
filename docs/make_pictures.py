"""Make the README's picture: python docs/make_pictures.py runs/demo.

Figures that the network of `make demo` has not seen: labels above, its answers below.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import hourglass_jax as hg
from hourglass_jax.data.figures import draw_figure
from hourglass_jax.data.synthetic_people import FIRST_VALIDATION
from hourglass_jax.inference import draw_poses

SHOWN = range(FIRST_VALIDATION + 20, FIRST_VALIDATION + 26)
SIDE = 256


def main(workdir: str) -> None:
    """Write docs/pictures/demo.jpg."""
    model = hg.load(workdir)
    columns = []
    for index in SHOWN:
        figure = draw_figure(0, index)
        answers = model.predict(figure.image, boxes=[figure.box_img], flip=True)
        labels = hg.Pose(
            keypoints=figure.keypoints_img,
            scores=np.array([0.0, 0.3, 1.0], np.float32)[figure.visibility],
            box=figure.box_img.astype(np.float64),
            skeleton=model.skeleton,
        )
        columns.append(
            np.vstack([_framed(figure.image, poses) for poses in ([labels], answers)])
        )
    sheet = cv2.cvtColor(np.hstack(columns), cv2.COLOR_RGB2BGR)
    path = Path(__file__).parent / "pictures" / "demo.jpg"
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(path)


def _framed(picture: np.ndarray, poses: list[hg.Pose]) -> np.ndarray:
    """The picture with its poses, on a white square."""
    drawn = draw_poses(picture, poses)
    height, width = drawn.shape[:2]
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    edges = (top, SIDE - height - top, left, SIDE - width - left)
    return cv2.copyMakeBorder(drawn, *edges, cv2.BORDER_CONSTANT, value=(255, 255, 255))


if __name__ == "__main__":
    main(*sys.argv[1:])
