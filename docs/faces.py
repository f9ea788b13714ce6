"""Drawn faces and the masks of their parts, for dense_prediction.py."""

from pathlib import Path

import cv2
import numpy as np

SIDE, STRIDE = 128, 4
PARTS = "skin", "eyes", "mouth"
ELLIPSES = (  # part, then middle and half axes in units of the face's height
    (0, 0, 0, 0.75, 1),
    (1, -0.35, -0.2, 0.25, 0.15),
    (1, 0.35, -0.2, 0.25, 0.15),
    (2, 0, 0.5, 0.35, 0.15),
)


def draw_batch(number, size=8):
    """Pictures in [0, 1], and the share of each cell of the output that a mask has."""
    rng = np.random.default_rng([0, number])
    images, masks = zip(*(draw_face(rng) for _ in range(size)), strict=True)
    cells = SIDE // STRIDE
    masks = np.reshape(masks, (size, cells, STRIDE, cells, STRIDE, len(PARTS)))
    return np.float32(images) / 255, np.float32(masks.mean((2, 4)))


def draw_face(rng):
    """A picture and its masks, uint8 [h w 3] both."""
    image = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (SIDE, SIDE))
    masks = np.zeros((len(PARTS), SIDE, SIDE), np.uint8)
    turn, height = rng.uniform(-0.6, 0.6), rng.uniform(28, 44)
    middle = rng.uniform(SIDE / 2 - 16, SIDE / 2 + 16, 2)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    for part, x, y, *halves in ELLIPSES:
        centre = middle + height * np.array([x, y]) @ axes
        size = 2 * height * np.array(halves)
        ellipse = centre.tolist(), size.tolist(), float(np.degrees(turn))
        cv2.ellipse(image, ellipse, rng.integers(0, 256, 3).tolist(), -1)
        for i, mask in enumerate(masks):  # what is drawn later hides what was there
            cv2.ellipse(mask, ellipse, int(i == part), -1)
    return image, masks.transpose(1, 2, 0)


def save_sheet(path: Path, images, masks, answers):
    """Write six pictures; below them their masks, and below those the answers."""
    larger = [m.repeat(STRIDE, 1).repeat(STRIDE, 2) for m in (masks, answers)]
    sheet = np.vstack([np.hstack(row[:6]) for row in (images, *larger)])
    cv2.imwrite(str(path), np.uint8(np.round(255 * sheet[::2, ::2, ::-1])))
