"""What the ports' networks in PyTorch have in common."""

from torch import nn
from torch.nn.functional import interpolate


def named(**parts) -> nn.Module:
    """Modules together under names."""
    holder = nn.Module()
    for name, part in parts.items():
        setattr(holder, name, part)
    return holder


def up(x):
    return interpolate(x, scale_factor=2, mode="nearest")


def conv(i, o, size=1, stride=1, bias=True):
    return nn.Conv2d(i, o, size, stride, size // 2, bias=bias)
