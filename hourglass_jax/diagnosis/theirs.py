"""PyTorch's side of the comparison, at its best; runs in a process of its own."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hourglass_jax.diagnosis.cases import Case
from hourglass_jax.diagnosis.contenders import (
    IMAGES,
    TARGETS,
    TRIALS,
    WEIGHTS,
    Prepared,
)
from hourglass_jax.diagnosis.timing import Run, fastest
from hourglass_jax.diagnosis.torch_network import StackedHourglass, load_weights

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM = 3
"""Calls before any is timed; those that capture a graph of CUDA's are the second."""

Way = frozenset[str]
"""Of: channels-last, compiled, frozen (BatchNorm folded by inductor), graphs (of
CUDA's, as XLA has them), autocast."""


def prepare(case: Case, folder: Path, ways: Iterable[Way] | None = None) -> Prepared:
    """Try ``ways`` of running the case, by default all; the fastest is to be timed."""
    torch.manual_seed(case.seed)
    # All ways compile the same code: it must not be given up after the first eight.
    torch.compiler.config.recompile_limit = 64
    torch.compiler.config.fail_on_recompile_limit_hit = True
    torch.backends.cudnn.benchmark = True  # chosen by trying, as XLA does
    if DEVICE == "cuda":  # TF32 for products, too, as XLA has them
        torch.set_float32_matmul_precision("high")
    make = _inference if case.kind == "inference" else _training
    began = time.perf_counter()
    runs: dict[str, Run] = {}
    answers: dict[str, np.ndarray] = {}
    failed: dict[str, str] = {}
    for way in _ways(case) if ways is None else ways:
        name = " ".join(sorted(way)) or "eager"
        try:
            runs[name], answers[name] = make(case, folder, way)
        except Exception as error:  # such as no compiler for inductor: said, not hidden
            failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
    if not runs:
        raise RuntimeError(f"PyTorch ran in no way: {failed}")
    best, medians = fastest(runs, TRIALS)
    about = {
        "best": best,
        "ways_ms": medians,
        "seconds_until_ready": round(time.perf_counter() - began, 1),
        "device": torch.cuda.get_device_name() if DEVICE == "cuda" else DEVICE,
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__},
    }
    about |= {"failed": failed} if failed else {}
    # Training's answers depend on the order of sums, which differs between the ways:
    # there the plainest speaks for all, which were given the same weights.
    speaks = best if case.kind == "inference" else next(iter(answers))
    return Prepared(run=runs[best], answer=answers[speaks], about=about)


def _ways(case: Case) -> Iterator[Way]:
    """Plain first. In bfloat16 each once with all of it so, once under autocast."""
    layouts: list[Way] = [
        frozenset(),
        frozenset({"channels-last"}),
        frozenset({"compiled"}),
        frozenset({"channels-last", "compiled"}),
    ]
    if case.kind == "inference":
        layouts.append(frozenset({"channels-last", "compiled", "frozen"}))
    if DEVICE == "cuda":
        layouts += [way | {"graphs"} for way in layouts if "compiled" in way]
    yield from layouts
    if case.dtype == "bfloat16":
        yield from (way | {"autocast"} for way in layouts)


def _network(case: Case, folder: Path, way: Way) -> tuple[nn.Module, torch.Tensor]:
    net = StackedHourglass(
        stacks=case.stacks,
        features=case.features,
        keypoints=case.keypoints,
        depth=case.depth,
    )
    with np.load(folder / WEIGHTS) as arrays:
        load_weights(net, dict(arrays))
    images = torch.from_numpy(np.load(folder / IMAGES)).to(DEVICE)
    net = net.to(DEVICE)
    if case.dtype == "bfloat16" and "autocast" not in way:
        net, images = net.bfloat16(), images.bfloat16()
    if "channels-last" in way:
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    return net, images


def _precision(way: Way) -> contextlib.AbstractContextManager[object]:
    if "autocast" in way:
        return torch.autocast(DEVICE, torch.bfloat16)
    return contextlib.nullcontext()


def _inference(case: Case, folder: Path, way: Way) -> tuple[Run, np.ndarray]:
    net, images = _network(case, folder, way)
    net.eval()
    forward = _compile(net, way)

    def run() -> torch.Tensor:
        _begin(way)
        with torch.no_grad(), _precision(way):
            heatmaps = forward(images)
        _wait()
        return heatmaps

    for _ in range(WARM):
        answer = run()
    return run, answer.float().cpu().numpy()


def _compile(net: nn.Module, way: Way) -> Callable[[torch.Tensor], torch.Tensor]:
    if "compiled" not in way:
        return net
    options = {"freezing": "frozen" in way, "triton.cudagraphs": "graphs" in way}
    # For this layout alone: after another one, strides would become variables.
    return torch.compile(net, options=options, dynamic=False)


def _training(case: Case, folder: Path, way: Way) -> tuple[Run, np.ndarray]:
    net, images = _network(case, folder, way)
    net.train()
    targets = torch.from_numpy(np.load(folder / TARGETS)).to(DEVICE)
    # The constants of our default, which are those of the authors' Torch7 code.
    optimiser = torch.optim.RMSprop(net.parameters(), lr=2.5e-4, alpha=0.99, eps=1e-8)
    forward = _compile(net, way)
    step = partial(_step, forward, optimiser, images, targets, way)
    loss = step()
    norms = [torch.linalg.vector_norm(p.grad.float()) for p in net.parameters()]
    norm = torch.linalg.vector_norm(torch.stack(norms)).item()
    for _ in range(WARM - 1):
        step()
    return step, np.array([loss, norm])


def _step(
    forward: Callable[[torch.Tensor], torch.Tensor],
    optimiser: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: torch.Tensor,
    way: Way,
) -> float:
    _begin(way)
    optimiser.zero_grad(set_to_none=True)
    with _precision(way):
        heatmaps = forward(images)
    loss = (heatmaps.float() - targets).square().mean(dim=(1, 2, 3, 4)).sum()
    loss.backward()
    optimiser.step()
    _wait()
    return float(loss.detach())


def _begin(way: Way) -> None:
    if "graphs" in way:  # the results of the call before may be written over
        torch.compiler.cudagraph_mark_step_begin()


def _wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
