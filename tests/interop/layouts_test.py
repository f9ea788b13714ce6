"""The tables hold every tensor of the ports' files, at full size, and nothing else."""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.inference import ModelCard
from hourglass_jax.interop.conversion import check_names, to_state_dict, to_variables
from hourglass_jax.interop.faces import FACE
from hourglass_jax.interop.layouts import Entry, Normalisation, list_entries
from hourglass_jax.interop.ports import LAYOUTS, recognise
from hourglass_jax.skeleton import COCO, MPII

LISTS = Path(__file__).resolve().parents[3] / "shared/reference/state_dict_keys"


class Known(NamedTuple):
    """A list of names: whose, how its network is built, and live parameters."""

    port: str
    options: dict[str, int]
    prefix: str
    live: int


# Parameters are those of the ports' own counts; mmpose's without 1,180,672 unused ones.
_PRINCETON = "model.module."
KNOWN = {
    "princeton_hg1": Known("princeton", {"stacks": 1}, _PRINCETON, 3_426_448),
    "princeton_hg2": Known("princeton", {"stacks": 2}, _PRINCETON, 6_570_400),
    "princeton_hg8": Known("princeton", {"stacks": 8}, _PRINCETON, 25_434_112),
    "anibali_hg1": Known("bearpaw", {"stacks": 1}, "", 3_586_960),
    "anibali_hg2": Known("bearpaw", {"stacks": 2}, "", 6_730_912),
    "anibali_hg8": Known("bearpaw", {"stacks": 8}, "", 25_594_624),
    "mmpose_hourglass52_coco": Known("mmpose", {"stacks": 1}, "", 93_667_217),
    "mmpose_hourglass104_coco": Known("mmpose", {"stacks": 2}, "", 187_709_090),
    "fan4": Known("fan", {"stacks": 4}, "", 23_820_176),
}
SKELETONS = {16: MPII, 17: COCO, 68: FACE}


def read_list(name: str) -> dict[str, tuple[int, ...]]:
    path = LISTS / f"{name}.tsv"
    if not path.is_file():
        pytest.skip(f"no list of names at hand: {path}")
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return {key: tuple(json.loads(shape)) for key, shape in rows}


def entries_of(shapes: dict[str, tuple[int, ...]]) -> list[Entry]:
    layout = recognise(shapes)
    structure = layout.structure(shapes)
    card = ModelCard(
        model=structure.model,
        skeleton=SKELETONS[structure.keypoints],
        input_size=(256, 256),
        box_padding=1.25,
        decoder="quarter",
        sigma_hm=1.0,
    )
    return list_entries(layout.rows(structure), card.variable_shapes())


def test_every_list_at_hand_is_held():
    if LISTS.is_dir():
        assert {path.stem for path in LISTS.glob("*.tsv")} == KNOWN.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_a_table_holds_the_names_and_shapes_of_a_real_file(name):
    known, found = KNOWN[name], read_list(name)
    shapes = {key.removeprefix(known.prefix): found[key] for key in found}
    assert recognise(shapes).name == known.port
    assert LAYOUTS[known.port].prefix == known.prefix
    entries = entries_of(shapes)
    assert {entry.name: entry.shape for entry in entries} == shapes
    learnt = [e for e in entries if e.ours and e.ours[0] == "params"]
    assert sum(math.prod(entry.shape) for entry in learnt) == known.live


@pytest.mark.parametrize("name", KNOWN)
def test_the_networks_compared_with_have_the_names_of_a_real_file(name):
    torch = pytest.importorskip("torch")
    from .torch_networks import NETWORKS

    known = KNOWN[name]
    with torch.device("meta"):
        state = NETWORKS[known.port](**known.options).state_dict()
    found = {f"{known.prefix}{key}": tuple(v.shape) for key, v in state.items()}
    assert found == read_list(name)


def test_every_fault_of_a_state_dict_is_listed():
    entries = [Entry(f"a.b{i}.weight", (i,), None, None) for i in range(4)]
    entries += [
        Entry(f"{name}.num_batches_tracked", (), None, None) for name in ("a.b0", "n")
    ]
    entries += [Entry(f"n.{name}", (1,), None, None) for name in ("weight", "bias")]
    found = {"a.b0.weight": (0,), "a.b1.weight": (9,), "c.x": (1,), "c.y": (1,)}
    with pytest.raises(InputError) as caught:
        check_names(found | {"wh.0.weight": (1,)}, entries, heads=["wh"])
    assert str(caught.value) == (
        "missing: a.b2.weight, a.b3.weight, n.* (2); unknown: c.* (2); "
        "misshapen: a.b1.weight (9,) instead of (1,)"
    )


@pytest.mark.parametrize("bgr", [False, True])
def test_a_normalisation_moves_into_the_first_kernel_and_out_again(bgr):
    normalisation = Normalisation((0.5, 0.4, 0.3), (0.229, 0.224, 0.225), bgr)
    path = ("params", "stem", "conv", "kernel")
    entries = [Entry("conv1.weight", (64, 3, 7, 7), path, None)]
    tree = {"params": {"stem": {"conv": {"kernel": np.zeros((7, 7, 3, 64))}}}}
    kernel = np.random.default_rng(2).normal(size=(64, 3, 7, 7)).astype(np.float32)
    ours = to_variables({"conv1.weight": kernel}, entries, tree, normalisation)
    theirs = to_state_dict(ours, entries, normalisation)
    again = to_variables(theirs, entries, tree, normalisation)
    ours, again = (t["params"]["stem"]["conv"]["kernel"] for t in (ours, again))
    np.testing.assert_array_equal(ours, again)
    np.testing.assert_allclose(theirs["conv1.weight"], kernel, rtol=2e-7)

    rgb = np.random.default_rng(3).uniform(-1, 1, (7, 7, 3))
    seen = rgb / np.asarray(normalisation.std)
    seen = seen[..., ::-1] if bgr else seen
    np.testing.assert_allclose(
        np.einsum("hwc,hwco->o", rgb, ours),
        np.einsum("hwc,ochw->o", seen, kernel),
        rtol=1e-4,
    )


def test_numbers_that_are_not_finite_are_refused():
    path = ("params", "a", "bias")
    entries = [Entry("a.bias", (2,), path, None)]
    tensors = {"a.bias": np.array([1, np.nan], np.float32)}
    tree = {"params": {"a": {"bias": np.zeros(2)}}}
    with pytest.raises(InputError, match="a.bias holds numbers that are not finite"):
        to_variables(tensors, entries, tree, Normalisation())


def test_a_face_is_its_own_mirror_image_twice():
    flip = np.asarray(FACE.flip)
    np.testing.assert_array_equal(flip[flip], np.arange(68))
    names = [name.rsplit("_", 1)[0] for name in FACE.keypoints]
    for name, partner in zip(names, (names[i] for i in flip), strict=True):
        mirrored = {"right": "left", "left": "right"}
        side, _, part = name.partition("_")
        assert partner == (f"{mirrored[side]}_{part}" if side in mirrored else name)
