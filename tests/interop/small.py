"""Small networks of every port: random weights and statistics, always the same.

Run as a program, with PyTorch installed, this file makes what lies in `stored/`:

    python -m tests.interop.small

`stored/NAME.npz` holds what PyTorch answers: names and shapes of the state dict,
heatmaps, and the loss's gradient by every parameter. `stored/*.pt*` are the same few
numbers in every form that PyTorch has saved in.
"""

import io
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

STORED = Path(__file__).parent / "stored"
SIDE = 64

OPTIONS = {
    "princeton": {"stacks": 2, "f": 8, "k": 3, "depth": 2, "width": 4},
    "bearpaw": {"stacks": 2, "f": 8, "k": 3, "depth": 2, "width": 6, "blocks": 2},
    "mmpose": {"stacks": 2, "f": 4, "k": 3, "depth": 2, "width": 6, "blocks": 2},
    "centernet": {"stacks": 2, "f": 4, "k": 3, "depth": 2, "width": 6, "blocks": 1},
    "fan": {"stacks": 2, "f": 8, "k": 3, "depth": 2, "width": 4},
}

# What each port does to RGB in [0, 1]: mean, deviation, and whether BGR goes in.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), False)
_COCO = (
    (0.47026115, 0.44719302, 0.40789654),
    (0.27809835, 0.27408164, 0.28863828),
    True,
)
INPUTS = {
    "princeton": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), False),
    "bearpaw": ((0.4404, 0.4440, 0.4327), (1.0, 1.0, 1.0), False),
    "mmpose": _IMAGENET,
    "centernet": _COCO,
    "fan": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), False),
}


class Answer(NamedTuple):
    """What PyTorch says of a small network; maps are [s b h w k]."""

    state: dict[str, np.ndarray]
    heatmaps: np.ndarray
    gradients: dict[str, np.ndarray]


def draw_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights and non-trivial statistics for a state dict of these names."""
    rng = np.random.default_rng(6)
    return {name: _draw(rng, name, shapes[name]) for name in sorted(shapes)}


def _draw(rng, name, shape):
    if name.endswith("num_batches_tracked"):
        return np.asarray(1234)
    numbers = rng.random(shape, np.float32)
    if name.endswith("running_var"):
        return numbers + np.float32(0.5)
    if name.endswith("running_mean"):
        return numbers - np.float32(0.5)
    if len(shape) == 4:
        return (numbers * 2 - 1) * np.float32(1.5 / np.prod(shape[1:]) ** 0.5)
    return numbers + np.float32(0.5 if name.endswith("weight") else -0.5)


def images() -> np.ndarray:
    """RGB bytes [b h w 3]."""
    return np.random.default_rng(7).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)


def target(shape) -> np.ndarray:
    """What the loss compares heatmaps with."""
    return np.random.default_rng(8).random(shape, np.float32)


def stored(port: str) -> Answer:
    """What PyTorch answered when the files were made."""
    with np.load(STORED / f"{port}.npz") as file:
        shapes = {n: tuple(s) for n, s in json.loads(str(file["shapes"])).items()}
        state, gradients, rest = draw_state(shapes), {}, file["gradients"]
        for name in json.loads(str(file["learnt"])):
            size = state[name].size
            gradients[name], rest = rest[:size].reshape(shapes[name]), rest[size:]
        return Answer(state, file["heatmaps"], gradients)


def ask_torch(port: str) -> Answer:
    """What PyTorch answers now."""
    import torch

    from .torch_networks import NETWORKS

    net = NETWORKS[port](**OPTIONS[port]).eval()
    state = draw_state({n: tuple(t.shape) for n, t in net.state_dict().items()})
    net.load_state_dict({n: torch.from_numpy(v) for n, v in state.items()})
    heatmaps = torch.stack(net(torch.from_numpy(_their_input(port))))
    wanted = target((*heatmaps.shape[:2], *heatmaps.shape[3:], heatmaps.shape[2]))
    heatmaps = heatmaps.permute(0, 1, 3, 4, 2)
    torch.mean((heatmaps - torch.from_numpy(wanted)) ** 2).backward()
    learnt = {n: p.grad for n, p in net.named_parameters() if p.grad is not None}
    return Answer(
        state,
        heatmaps.detach().numpy(),
        {name: gradient.numpy() for name, gradient in learnt.items()},
    )


def _their_input(port: str) -> np.ndarray:
    mean, deviation, bgr = INPUTS[port]
    x = (images() / 255 - np.asarray(mean)) / np.asarray(deviation)
    x = x[..., ::-1] if bgr else x
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)


def _store(port: str) -> None:
    answer = ask_torch(port)
    shapes = {name: values.shape for name, values in answer.state.items()}
    np.savez_compressed(
        STORED / f"{port}.npz",
        shapes=json.dumps(shapes),
        learnt=json.dumps(list(answer.gradients)),
        heatmaps=answer.heatmaps,
        gradients=np.concatenate([g.ravel() for g in answer.gradients.values()]),
    )


def _store_forms() -> None:
    """Three tensors, one of them a transposed view, and what lies beside them."""
    import torch

    whole = torch.arange(6.0).reshape(2, 3)
    state = torch.nn.Module().state_dict()  # an OrderedDict with attributes
    state["module.a"], state["module.b"] = whole, whole.T[1:]
    state["module.half"] = torch.tensor([0.5, -2.0], dtype=torch.bfloat16)
    content = {
        "epoch": 3,
        "best_acc": np.float64(0.5),
        "state_dict": state,
        "optimizer": {"state": {0: torch.ones(4)}, "param_groups": [{"lr": 0.1}]},
    }
    for name, is_zip in (("zip.pth", True), ("legacy.pth", False)):
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=is_zip)
        (STORED / name).write_bytes(file.getvalue())
    torch.manual_seed(0)
    part = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    torch.jit.script(part.eval()).save(str(STORED / "script.pt"))


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for each in OPTIONS:
        _store(each)
    _store_forms()
