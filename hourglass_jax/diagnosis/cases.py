"""What is compared with PyTorch: cases by name, such as inference:2:1:float32."""

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Literal, get_args

from hourglass_jax.errors import InputError

Kind = Literal["inference", "train"]
Dtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One network under one load.

    Attributes:
      kind: the forward pass, or a training step: forward, backward, update.
      stacks: hourglasses of the network.
      batch: images at a time.
      dtype: of the arithmetic.
      side: of the square images, in pixels.
      features: channels of the trunk.
      depth: times an hourglass halves its maps.
      keypoints: number of heatmaps.
      seed: of weights and images.
    """

    kind: Kind
    stacks: int
    batch: int
    dtype: Dtype
    side: int = 256
    features: int = 256
    depth: int = 4
    keypoints: int = 16
    seed: int = 0

    @property
    def name(self) -> str:
        """As on the command line, with the sizes where they are not the paper's."""
        name = f"{self.kind}:{self.stacks}:{self.batch}:{self.dtype}"
        sizes = (self.side, self.features, self.depth)
        usual = (Case.side, Case.features, Case.depth)
        return name if sizes == usual else f"{name}:{':'.join(map(str, sizes))}"


def parse_case(text: str) -> Case:
    """Read KIND:STACKS:BATCH:DTYPE[:SIDE:FEATURES:DEPTH]; raises InputError."""
    kind, *numbers = text.split(":")
    try:
        stacks, batch, dtype, *sizes = numbers
        counts = [int(number) for number in (stacks, batch, *sizes)]
        fits = len(sizes) in (0, 3) and min(counts) >= 1
    except ValueError:
        fits = False
    if not fits or kind not in get_args(Kind) or dtype not in get_args(Dtype):
        raise InputError(
            f"benchmark: case {text!r}; expected KIND:STACKS:BATCH:DTYPE, such as "
            "inference:2:1:float32 or train:8:4:bfloat16, and :SIDE:FEATURES:DEPTH "
            "behind it for another network than the paper's"
        )
    named = dict(zip(("side", "features", "depth"), counts[2:], strict=False))
    # The checks above say which of the literals they are.
    return Case(kind=kind, stacks=counts[0], batch=counts[1], dtype=dtype, **named)  # type: ignore[arg-type]


def default_cases() -> Iterable[Case]:
    """Inference at batch 1, 8 and 32, training at 4; 1, 2 and 8 stacks; two dtypes."""
    loads = [("inference", 1), ("train", 4), ("inference", 8), ("inference", 32)]
    stacks, dtypes = (2, 1, 8), get_args(Dtype)
    for (kind, batch), count, dtype in itertools.product(loads, stacks, dtypes):
        yield parse_case(f"{kind}:{count}:{batch}:{dtype}")
