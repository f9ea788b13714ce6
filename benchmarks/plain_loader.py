"""What `input.py` measures against: photographs, and a data set as most write it."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from hourglass_jax.data.figures import draw_figure

PHOTOGRAPHS, WIDTH, HEIGHT = 192, 1280, 720
FIGURE = 1.8  # times as large as it is drawn: some 400 pixels, as people in MPII
SIDE, CELLS = 256, 64


def write_photographs(folder: Path) -> None:
    """Photographs and their labels as COCO JSON, the form of a user's own data."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(PHOTOGRAPHS):
        picture, keypoints, visibility, box = draw_photograph(number)
        name = f"{number:04d}.jpg"
        cv2.imwrite(
            str(folder / "images" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 92]
        )
        images.append(
            {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
        )
        labels = np.column_stack([keypoints, visibility])
        left, top, right, bottom = box
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": labels.ravel().tolist(),
                "num_keypoints": int((visibility > 0).sum()),
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
        )
    names = [f"keypoint_{i}" for i in range(16)]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(content))


def draw_photograph(number: int) -> tuple[np.ndarray, ...]:
    """A picture (BGR), keypoints, visibility and box of one person in it."""
    rng = np.random.default_rng((1, number))
    coarse = rng.integers(0, 256, (24, 43, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    figure = draw_figure(0, number)
    large = cv2.resize(figure.image[..., ::-1], None, fx=FIGURE, fy=FIGURE)
    height, width = large.shape[:2]
    left, top = rng.integers(0, WIDTH - width), rng.integers(0, HEIGHT - height)
    picture[top : top + height, left : left + width] = large
    noise = rng.normal(0, 1.2, picture.shape)
    picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    offset = np.array([left, top])
    points = (figure.keypoints_img + 0.5) * FIGURE - 0.5 + offset
    box = figure.box_img.reshape(2, 2) * FIGURE + offset
    return picture, points, figure.visibility, box.ravel()


class PlainDataset(Dataset):
    """Opens, crops, renders: what one finds in most training scripts."""

    def __init__(self, folder: Path) -> None:
        content = json.loads((folder / "annotations.json").read_text())
        self.files = [
            str(folder / "images" / i["file_name"]) for i in content["images"]
        ]
        self.annotations = content["annotations"]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A float32 crop [3 h w] and its heatmaps [k h w]."""
        rng = np.random.default_rng(index)
        picture = cv2.cvtColor(cv2.imread(self.files[index]), cv2.COLOR_BGR2RGB)
        annotation = self.annotations[index]
        labels = np.reshape(annotation["keypoints"], (-1, 3))
        matrix = self._affine(annotation["bbox"], rng)
        crop = cv2.warpAffine(picture, matrix, (SIDE, SIDE))
        points = labels[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        image = crop.astype(np.float32).transpose(2, 0, 1) / 255
        gains = rng.uniform(0.6, 1.4, (3, 1, 1)).astype(np.float32)
        heatmaps = np.stack([self._heatmap(*point) for point in points / 4])
        return torch.from_numpy(np.clip(image * gains, 0, 1)), torch.from_numpy(
            heatmaps
        )

    def _affine(self, box: list[float], rng: np.random.Generator) -> np.ndarray:
        x, y, width, height = box
        scale = 2 ** np.clip(rng.normal(0, 0.25), -0.5, 0.5)
        angle = rng.normal(0, 30) if rng.random() < 0.4 else 0.0
        ratio = SIDE / (1.25 * max(width, height) * scale)
        center = (x + width / 2, y + height / 2)
        matrix = cv2.getRotationMatrix2D(center, float(np.clip(angle, -60, 60)), ratio)
        matrix[:, 2] += SIDE / 2 - np.array(center)
        return matrix

    def _heatmap(self, x: float, y: float) -> np.ndarray:
        columns = np.arange(CELLS, dtype=np.float32)
        rows = columns[:, None]
        return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2).astype(np.float32)
