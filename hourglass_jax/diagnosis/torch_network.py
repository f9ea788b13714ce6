"""The paper's network in PyTorch, to be measured against: NCHW, one class a block.

Written from the paper, with our names for the parts, so that weights can be copied by
name. Only comparisons import this module; PyTorch is no dependency.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1, plus the input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, half, 1)
        self.norm2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.norm3, self.conv3 = nn.BatchNorm2d(half), nn.Conv2d(half, outputs, 1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps of `outputs` channels."""
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        y = self.conv3(functional.relu(self.norm3(y)))
        return y + (x if self.skip is None else self.skip(x))


class Hourglass(nn.Module):
    """Down by max-pooling and up by repetition, a skip at every resolution."""

    def __init__(self, depth: int, features: int, blocks: int) -> None:
        super().__init__()
        residuals = partial(_residuals, features, blocks)
        self.skip, self.down, self.up = residuals(), residuals(), residuals()
        deeper = depth > 1
        self.inner = Hourglass(depth - 1, features, blocks) if deeper else residuals()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps of the input's shape."""
        low = self.up(self.inner(self.down(functional.max_pool2d(x, 2))))
        return self.skip(x) + functional.interpolate(low, scale_factor=2.0)


def _residuals(features: int, blocks: int) -> nn.Sequential:
    named = ((f"block{i + 1}", Residual(features, features)) for i in range(blocks))
    return nn.Sequential(OrderedDict(named))


class Stack(nn.Module):
    """An hourglass, its heatmaps, and both merged into the next one's input."""

    def __init__(
        self, features: int, keypoints: int, depth: int, blocks: int, merge: bool
    ) -> None:
        super().__init__()
        self.hourglass = Hourglass(depth, features, blocks)
        self.residual = _residuals(features, blocks)
        self.features = nn.Conv2d(features, features, 1)
        self.features_norm = nn.BatchNorm2d(features)
        self.heatmaps = nn.Conv2d(features, keypoints, 1)
        self.merge = merge
        if merge:
            self.merge_features = nn.Conv2d(features, features, 1)
            self.merge_heatmaps = nn.Conv2d(keypoints, features, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next stack's input and this one's heatmaps."""
        y = self.features(self.residual(self.hourglass(x)))
        y = functional.relu(self.features_norm(y))
        heatmaps = self.heatmaps(y)
        if self.merge:
            x = x + self.merge_features(y) + self.merge_heatmaps(heatmaps)
        return x, heatmaps


class Stem(nn.Module):
    """Image to maps at a quarter of its size, widened at the last residual."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 7, stride=2, padding=3)
        self.norm = nn.BatchNorm2d(width)
        self.residual1 = Residual(width, 2 * width)
        self.residual2 = Residual(2 * width, 2 * width)
        self.residual3 = Residual(2 * width, features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return maps of `features` channels."""
        x = self.residual1(functional.relu(self.norm(self.conv(images))))
        return self.residual3(self.residual2(functional.max_pool2d(x, 2)))


class StackedHourglass(nn.Module):
    """`stacks` hourglasses end to end; images b3hw in, heatmaps sbkhw out."""

    def __init__(
        self,
        *,
        stacks: int,
        features: int,
        keypoints: int,
        depth: int = 4,
        blocks: int = 1,
        stem_width: int = 64,
    ) -> None:
        super().__init__()
        stack = partial(Stack, features, keypoints, depth, blocks)
        self.stem = Stem(stem_width, features)
        self.stacks = nn.ModuleList(stack(merge=True) for _ in range(stacks - 1))
        self.last = stack(merge=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return every stack's heatmaps."""
        x, found = self.stem(images), []
        for stack in (*self.stacks, self.last):
            x, heatmaps = stack(x)
            found.append(heatmaps)
        return torch.stack(found)


def load_weights(net: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Copy our variables, named as `flatten` names them, into a network of this module.

    Raises:
      RuntimeError: a name or a shape is not the network's.
    """
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    missing, foreign = net.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or foreign:
        raise RuntimeError(f"weights: missing {missing}, not expected {foreign}")
