"""The ports' networks in PyTorch, written from their description and key lists.

Nothing here is copied from a port or imported from the package. Every network takes
its own normalised input [b 3 h w] and returns one [b k h/4 w/4] a stack.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu

from .torch_corner_networks import CenterNet, Mmpose
from .torch_parts import conv, named, up


class Bottleneck(nn.Module):
    """BN-ReLU-1x1, BN-ReLU-3x3, BN-ReLU-1x1, plus the input."""

    def __init__(self, i, o, wrap, skip):
        super().__init__()
        half = o // 2
        for n, (a, b, size) in enumerate([(i, half, 1), (half, half, 3), (half, o, 1)]):
            setattr(self, f"bn{n + 1}", nn.BatchNorm2d(a))
            setattr(self, f"conv{n + 1}", wrap(conv(a, b, size)))
        self.changes = i != o
        self.skip = skip(self, i, o)

    def forward(self, x):
        y = x
        for n in (1, 2, 3):
            layer = getattr(self, f"conv{n}")
            y = getattr(self, f"bn{n}")(y)
            y = getattr(layer, "conv", layer)(relu(y))
        return y + (self.skip(x) if self.changes else x)


def princeton_block(i, o):
    def skip(block, i, o):
        block.skip_layer = named(conv=conv(i, o))
        return lambda x: block.skip_layer.conv(x)

    return Bottleneck(i, o, lambda layer: named(conv=layer), skip)


def bearpaw_block(i, o):
    def skip(block, i, o):
        if i != o:
            block.downsample = nn.Sequential(conv(i, o))
        return lambda x: block.downsample(x)

    return Bottleneck(i, o, lambda layer: layer, skip)


class PrincetonHourglass(nn.Module):
    def __init__(self, depth, f):
        super().__init__()
        self.up1, self.low1, self.low3 = (princeton_block(f, f) for _ in range(3))
        inner = PrincetonHourglass(depth - 1, f) if depth > 1 else None
        self.low2 = inner or princeton_block(f, f)

    def forward(self, x):
        low = self.low3(self.low2(self.low1(max_pool2d(x, 2))))
        return self.up1(x) + up(low)


class Princeton(nn.Module):
    def __init__(self, stacks, f=256, k=16, depth=4, width=64):
        super().__init__()
        block, mid = princeton_block, 2 * width
        stem = named(conv=conv(3, width, 7, 2), bn=nn.BatchNorm2d(width))
        blocks = [block(width, mid), nn.MaxPool2d(2), block(mid, mid), block(mid, f)]
        self.pre = nn.ModuleList([stem, *blocks])
        each, merging = range(stacks), range(stacks - 1)

        def features():
            lin = named(conv=conv(f, f), bn=nn.BatchNorm2d(f))
            return nn.ModuleList([block(f, f), lin])

        def merge(i):
            return named(conv=named(conv=conv(i, f)))

        self.hgs = nn.ModuleList(
            nn.ModuleList([PrincetonHourglass(depth, f)]) for _ in each
        )
        self.features = nn.ModuleList(features() for _ in each)
        self.outs = nn.ModuleList(named(conv=conv(f, k)) for _ in each)
        self.merge_features = nn.ModuleList(merge(f) for _ in merging)
        self.merge_preds = nn.ModuleList(merge(k) for _ in merging)

    def forward(self, x):
        stem, *blocks = self.pre
        x = relu(stem.bn(stem.conv(x)))
        for block in blocks:
            x = block(x)
        found = []
        for i, ((hourglass,), (block, lin)) in enumerate(
            zip(self.hgs, self.features, strict=True)
        ):
            y = relu(lin.bn(lin.conv(block(hourglass(x)))))
            found.append(self.outs[i].conv(y))
            if i < len(self.merge_preds):
                x = x + self.merge_features[i].conv.conv(y)
                x = x + self.merge_preds[i].conv.conv(found[-1])
        return found


class BearpawHourglass(nn.Module):
    """Levels from the bottom; 0 up1, 1 low1, 2 low3, 3 the bottom."""

    def __init__(self, depth, f, blocks):
        super().__init__()

        def row():
            return nn.Sequential(*(bearpaw_block(f, f) for _ in range(blocks)))

        self.hg = nn.ModuleList(
            nn.ModuleList(row() for _ in range(4 if level == 0 else 3))
            for level in range(depth)
        )

    def forward(self, x, level=None):
        level = len(self.hg) - 1 if level is None else level
        parts = self.hg[level]
        low = parts[1](max_pool2d(x, 2))
        low = self(low, level - 1) if level else parts[3](low)
        return parts[0](x) + up(parts[2](low))


class Bearpaw(nn.Module):
    def __init__(self, stacks, f=256, k=16, depth=4, width=64, blocks=1):
        super().__init__()
        each, merging = range(stacks), range(stacks - 1)
        self.conv1, self.bn1 = conv(3, width, 7, 2), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(bearpaw_block(width, 2 * width))
        self.layer2 = nn.Sequential(bearpaw_block(2 * width, f))
        self.layer3 = nn.Sequential(bearpaw_block(f, f))
        self.hg = nn.ModuleList(BearpawHourglass(depth, f, blocks) for _ in each)
        self.res = nn.ModuleList(
            nn.Sequential(*(bearpaw_block(f, f) for _ in range(blocks))) for _ in each
        )
        self.fc = nn.ModuleList(
            nn.Sequential(conv(f, f), nn.BatchNorm2d(f), nn.ReLU()) for _ in each
        )
        self.score = nn.ModuleList(conv(f, k) for _ in each)
        self.fc_ = nn.ModuleList(conv(f, f) for _ in merging)
        self.score_ = nn.ModuleList(conv(k, f) for _ in merging)

    def forward(self, x):
        x = self.layer1(relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(max_pool2d(x, 2)))
        found = []
        for i, hourglass in enumerate(self.hg):
            y = self.fc[i](self.res[i](hourglass(x)))
            found.append(self.score[i](y))
            if i < len(self.fc_):
                x = x + self.fc_[i](y) + self.score_[i](found[-1])
        return found


class Parallel(nn.Module):
    """Three 3x3 in a row, all their results side by side, plus the input."""

    def __init__(self, i, o):
        super().__init__()
        widths = [i, o // 2, o // 4, o // 4]
        for n in (1, 2, 3):
            before, after = widths[n - 1 : n + 1]
            setattr(self, f"bn{n}", nn.BatchNorm2d(before))
            setattr(self, f"conv{n}", conv(before, after, 3, bias=False))
        if i != o:
            projection = conv(i, o, bias=False)
            self.downsample = nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), projection)

    def forward(self, x):
        y, found = x, []
        for n in (1, 2, 3):
            y = getattr(self, f"conv{n}")(relu(getattr(self, f"bn{n}")(y)))
            found.append(y)
        return torch.cat(found, 1) + getattr(self, "downsample", lambda x: x)(x)


class FanHourglass(nn.Module):
    def __init__(self, depth, f):
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            for branch in ("b1", "b2", "b3"):
                setattr(self, f"{branch}_{level}", Parallel(f, f))
        self.b2_plus_1 = Parallel(f, f)

    def forward(self, x, level=None):
        level = level or self.depth
        b1, b2, b3 = (getattr(self, f"b{i}_{level}") for i in (1, 2, 3))
        low = b2(avg_pool2d(x, 2))
        low = self(low, level - 1) if level > 1 else self.b2_plus_1(low)
        return b1(x) + up(b3(low))


class Fan(nn.Module):
    def __init__(self, stacks, f=256, k=68, depth=4, width=64):
        super().__init__()
        self.stacks = stacks
        self.conv1, self.bn1 = conv(3, width, 7, 2), nn.BatchNorm2d(width)
        self.conv2 = Parallel(width, 2 * width)
        self.conv3 = Parallel(2 * width, 2 * width)
        self.conv4 = Parallel(2 * width, f)
        for i in range(stacks):
            setattr(self, f"m{i}", FanHourglass(depth, f))
            setattr(self, f"top_m_{i}", Parallel(f, f))
            setattr(self, f"conv_last{i}", conv(f, f))
            setattr(self, f"bn_end{i}", nn.BatchNorm2d(f))
            setattr(self, f"l{i}", conv(f, k))
            if i < stacks - 1:
                setattr(self, f"bl{i}", conv(f, f))
                setattr(self, f"al{i}", conv(k, f))

    def forward(self, x):
        x = avg_pool2d(self.conv2(relu(self.bn1(self.conv1(x)))), 2)
        x = self.conv4(self.conv3(x))
        found = []
        for i in range(self.stacks):
            y = getattr(self, f"top_m_{i}")(getattr(self, f"m{i}")(x))
            y = relu(getattr(self, f"bn_end{i}")(getattr(self, f"conv_last{i}")(y)))
            found.append(getattr(self, f"l{i}")(y))
            if i < self.stacks - 1:
                x = x + getattr(self, f"bl{i}")(y) + getattr(self, f"al{i}")(found[-1])
        return found


NETWORKS = {
    "princeton": Princeton,
    "bearpaw": Bearpaw,
    "mmpose": Mmpose,
    "centernet": CenterNet,
    "fan": Fan,
}
