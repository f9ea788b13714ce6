"""hourglass-52 and Hourglass-104 in PyTorch, as mmpose and as CenterNet name them."""

from torch import nn
from torch.nn.functional import relu

from .torch_parts import conv, named, up


class Basic(nn.Module):
    """Two 3x3, BN after each; ReLU after the sum with the (projected) input."""

    def __init__(self, i, o, stride, skip):
        super().__init__()
        self.conv1 = conv(i, o, 3, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = conv(o, o, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.named = skip
        if stride != 1 or i != o:
            projection = conv(i, o, 1, stride, bias=False)
            setattr(self, skip, nn.Sequential(projection, nn.BatchNorm2d(o)))

    def forward(self, x):
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(y + getattr(self, self.named, lambda x: x)(x))


class CornerHourglass(nn.Module):
    def __init__(self, widths, blocks, skip):
        super().__init__()
        here, below = widths[:2]

        def row(*widths, stride=1):
            strides = [stride] + [1] * (len(widths) - 2)
            pairs = zip(widths[:-1], widths[1:], strides, strict=True)
            return nn.Sequential(*(Basic(i, o, s, skip) for i, o, s in pairs))

        self.up1 = row(*[here] * (blocks + 1))
        self.low1 = row(here, *[below] * blocks, stride=2)
        if len(widths) > 2:
            self.low2 = CornerHourglass(widths[1:], blocks, skip)
        else:
            self.low2 = row(*[below] * (2 * blocks + 1))
        self.low3 = row(*[below] * blocks, here)

    def forward(self, x):
        return self.up1(x) + up(self.low3(self.low2(self.low1(x))))


def bare(i, o, size, stride=1):
    """A convolution without bias and its normalisation."""
    return named(conv=conv(i, o, size, stride, bias=False), bn=nn.BatchNorm2d(o))


def run(pair, x):
    return pair.bn(pair.conv(x))


def corner_widths(f, depth):
    return [f * n // 2 for n in (2, 2, 3, 3, 3, 4)][: depth + 1]


class Mmpose(nn.Module):
    def __init__(self, stacks, f=256, k=17, depth=5, width=128, blocks=2):
        super().__init__()
        widths, skip = corner_widths(f, depth), "downsample"
        each, merging = range(stacks), range(stacks - 1)
        first = nn.Sequential(Basic(width, f, 2, skip))
        stored = range(max(1, stacks - 1))
        self.backbone = named(
            stem=nn.ModuleList([bare(3, width, 7, 2), first]),
            hourglass_modules=nn.ModuleList(
                CornerHourglass(widths, blocks, skip) for _ in each
            ),
            inters=nn.ModuleList(Basic(f, f, 1, skip) for _ in stored),
            conv1x1s=nn.ModuleList(bare(f, f, 1) for _ in merging),
            out_convs=nn.ModuleList(bare(f, f, 3) for _ in each),
            remap_convs=nn.ModuleList(bare(f, f, 1) for _ in merging),
        )
        self.head = named(multi_final_layers=nn.ModuleList(conv(f, k) for _ in each))

    def forward(self, x):
        b, found = self.backbone, []
        x = b.stem[1](relu(run(b.stem[0], x)))
        for i, hourglass in enumerate(b.hourglass_modules):
            y = relu(run(b.out_convs[i], hourglass(x)))
            found.append(self.head.multi_final_layers[i](y))
            if i < len(b.conv1x1s):
                x = relu(run(b.conv1x1s[i], x) + run(b.remap_convs[i], y))
                x = b.inters[i](x)
        return found


class CenterNet(nn.Module):
    """With the heads for sizes and offsets, which its heatmaps do not depend on."""

    def __init__(self, stacks, f=256, k=80, depth=5, width=128, blocks=2):
        super().__init__()
        widths, skip = corner_widths(f, depth), "skip"
        each, merging = range(stacks), range(stacks - 1)

        def head(k):
            return nn.Sequential(named(conv=conv(f, f, 3)), conv(f, k))

        def projection():
            return nn.Sequential(conv(f, f, bias=False), nn.BatchNorm2d(f))

        self.pre = nn.ModuleList([bare(3, width, 7, 2), Basic(width, f, 2, skip)])
        self.kps = nn.ModuleList(CornerHourglass(widths, blocks, skip) for _ in each)
        self.cnvs = nn.ModuleList(bare(f, f, 3) for _ in each)
        self.inters = nn.ModuleList(Basic(f, f, 1, skip) for _ in merging)
        self.inters_ = nn.ModuleList(projection() for _ in merging)
        self.cnvs_ = nn.ModuleList(projection() for _ in merging)
        self.hm = nn.ModuleList(head(k) for _ in each)
        self.wh = nn.ModuleList(head(2) for _ in each)
        self.reg = nn.ModuleList(head(2) for _ in each)

    def forward(self, x):
        found = []
        x = self.pre[1](relu(run(self.pre[0], x)))
        for i, hourglass in enumerate(self.kps):
            y = relu(run(self.cnvs[i], hourglass(x)))
            hidden, last = self.hm[i]
            found.append(last(relu(hidden.conv(y))))
            if i < len(self.inters):
                x = self.inters[i](relu(self.inters_[i](x) + self.cnvs_[i](y)))
        return found
