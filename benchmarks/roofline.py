"""What chips can do at most, and how long a step takes at best on many of them.

A step is bound by its arithmetic or by the chip's memory, whichever takes longer; then
come the all-reduces, with nothing overlapped. Between chips of one slice these run over
the inter-chip interconnect (ICI), between slices over the data-centre network (DCN).
The model of an all-reduce is part 3 of Austin et al. 2025, `How To Scale Your Model`
(https://jax-ml.github.io/scaling-book/sharding).
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

HOP_SECONDS = 1e-6
"""Latency of a hop over ICI, `typically around 1us` (scaling book)."""
LAUNCH_SECONDS = 5e-6
"""What a small collective takes besides its hops. The scaling book's gather of three
hops of 1 us was measured at 8 us."""
DCN_SECONDS = 50e-6
"""A message between slices and back; no figure is published, this is our assumption."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chip:
    """A kind of TPU; bytes and seconds, a kilobyte being 1,000 bytes.

    Attributes:
      flops: bfloat16 operations a second.
      memory: bytes of its own memory.
      memory_bandwidth: bytes a second.
      link: bytes a second over one link in one direction.
      clock: cycles a second.
      shapes: chips -> axes of the slices that one can rent; the largest is a pod.
      ring: an axis whose length is a multiple of this is closed to a ring.
      pod_network: bytes a second between a pod and all others.
      source: where the figures come from.
    """

    flops: float
    memory: float
    memory_bandwidth: float
    link: float
    clock: float
    shapes: Mapping[int, tuple[int, ...]]
    ring: int
    pod_network: float
    source: str


_FLAT = {
    **{1: (1, 1), 4: (2, 2), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8)},
    **{128: (8, 16), 256: (16, 16)},
}
_CUBES = {
    **{1: (1, 1, 1), 4: (2, 2, 1), 8: (2, 2, 2), 16: (2, 2, 4), 32: (2, 4, 4)},
    **{64: (4, 4, 4), 128: (4, 4, 8), 256: (4, 8, 8), 512: (8, 8, 8)},
    **{1024: (8, 8, 16)},
}

# The clock is the peak over what the matrix units do a cycle: four of 128x128 in v5e,
# two times four in v5p, two of 256x256 in v6e, a multiply and an add each.
CHIPS = {
    "v5e": Chip(
        flops=197e12,
        memory=16e9,
        memory_bandwidth=819e9,
        link=50e9,
        clock=197e12 / (4 * 2 * 128**2),
        shapes=_FLAT,
        ring=16,
        pod_network=6.4e12 / 8,
        source="https://docs.cloud.google.com/tpu/docs/v5e",
    ),
    "v5p": Chip(
        flops=459e12,
        memory=95e9,
        memory_bandwidth=2765e9,
        link=100e9,
        clock=459e12 / (8 * 2 * 128**2),
        shapes=_CUBES,
        ring=4,
        pod_network=1024 * 50e9 / 8,
        source="https://docs.cloud.google.com/tpu/docs/v5p",
    ),
    "v6e": Chip(
        flops=918e12,
        memory=32e9,
        memory_bandwidth=1638e9,
        link=100e9,
        clock=918e12 / (2 * 2 * 256**2),
        shapes=_FLAT,
        ring=16,
        pod_network=25.6e12 / 8,
        source="https://docs.cloud.google.com/tpu/docs/v6e",
    ),
}
"""A link is the documented bandwidth of a chip, both directions, over twice its ports:
four in v5e (400 GB/s) and v6e (800 GB/s), six in v5p (1,200 GB/s)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What a step asks of every chip.

    Attributes:
      flops: operations.
      memory_bytes: read from and written to its memory.
      exchanges: how many all-reduces.
      exchanged_bytes: of all of them together.
    """

    flops: float
    memory_bytes: float
    exchanges: int
    exchanged_bytes: float


def work_of(program: dict[str, Any]) -> Work:
    """What a program of results/tpu_aot.json asks of every chip."""
    sent = program["collectives"].values()
    return Work(
        flops=program["model_flops"],
        memory_bytes=program["memory_traffic_bytes"],
        exchanges=sum(each["count"] for each in sent),
        exchanged_bytes=sum(each["bytes"] for each in sent),
    )


def compute_seconds(chip: Chip, work: Work) -> float:
    """A step without any exchange: bound by arithmetic or by memory."""
    return max(work.flops / chip.flops, work.memory_bytes / chip.memory_bandwidth)


def exchange_seconds(chip: Chip, work: Work, chips: int) -> float:
    """The all-reduces of a step over so many chips, one after the other.

    Each reduces and then hands out: two times along the longest way of the slice, and
    two times its bytes over the links of a chip. Over several pods every chip's share
    goes on to its partners in the other pods, as a ring of pods.

    Raises:
      KeyError: no slice has that many chips.
    """
    if chips == 1:
        return 0.0
    pods = max(1, chips // max(chip.shapes))
    axes = [axis for axis in chip.shapes[chips // pods] if axis > 1]
    closed = [axis % chip.ring == 0 for axis in axes]
    hops = sum(
        axis // 2 if ring else axis - 1 for axis, ring in zip(axes, closed, strict=True)
    )
    bandwidth = sum(chip.link * (2 if ring else 1) for ring in closed)
    latency = LAUNCH_SECONDS + 2 * hops * HOP_SECONDS
    transfer = 2 * work.exchanged_bytes / bandwidth
    if pods > 1:
        latency += 2 * (pods - 1) * DCN_SECONDS
        transfer += 2 * (pods - 1) / pods * work.exchanged_bytes / chip.pod_network
    return work.exchanges * latency + transfer


def efficiency(chip: Chip, work: Work, chips: int) -> float:
    """Weak scaling: one chip's step over that of so many chips, each with its work."""
    alone = compute_seconds(chip, work)
    return alone / (alone + exchange_seconds(chip, work, chips))


def fleet(chip: Chip, most: int) -> list[int]:
    """Numbers of chips to look at: the slices there are, then whole pods."""
    pod = max(chip.shapes)
    pods = [pod * 2**i for i in range(1, 1 + max(0, int(math.log2(most / pod))))]
    return [chips for chips in [*chip.shapes, *pods] if chips <= most]


GPUS = {
    "NVIDIA H100 80GB HBM3": (989.4e12, 494.7e12, "h100"),
    "NVIDIA H100 PCIe": (756e12, 378e12, "h100"),
    "NVIDIA H200": (989.4e12, 494.7e12, "h200"),
    "NVIDIA A100": (312e12, 156e12, "a100"),
    "NVIDIA L40S": (362e12, 183e12, "l40s"),
    "NVIDIA L4": (121e12, 60e12, "l4"),
}
"""By the beginning of the name that the driver gives: dense operations a second of the
tensor cores, in bfloat16 and in TF32, to which XLA rounds the factors of float32
products; and the page of https://www.nvidia.com/en-us/data-center/ that says so (where
it counts sparsity, half of it)."""


def gpu_peak(device_kind: str, dtype: str) -> float | None:
    """Operations a second at most in ``dtype``; None for a GPU not listed here."""
    for name in sorted(GPUS, key=len, reverse=True):
        if re.match(rf"{name}\b", device_kind):
            bfloat16, tf32, _ = GPUS[name]
            return bfloat16 if dtype == "bfloat16" else tf32
    return None
