"""Every variant: the size it should have, gradients everywhere, scan equal to loop."""

import json
import typing
from collections import Counter
from functools import partial

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.models import StackedHourglass, init
from hourglass_jax.models.variables import variable_shapes

# Tiny networks that together take every choice there is; the default ones and the
# recomputed stacks are those of hourglass_test.
TINY = {
    "bearpaw, group": {"stem": "bearpaw", "norm": "group"},
    "fan, inside": {"variant": "fan", "supervise": "inside", "depth": 2},
    "corner": {"variant": "corner", "blocks": 2},
    "centernet": {"variant": "centernet"},
    "fpn, residual": {"trunk": "fpn", "remat": "residual"},
    "unet, last": {"trunk": "unet", "supervise": "last"},
}
TRUNKS = typing.get_args(typing.get_type_hints(ModelConfig)["trunk"])
TINY |= {t: {"trunk": t} for t in TRUNKS if t not in ("hourglass", "fpn", "unet")}
ELSEWHERE = {"remat": "stack", "dtype": "bfloat16"}
MAPS = {"fan, inside": 6, "unet, last": 1}  # of two stacks; otherwise 2


def _run(net, variables, images, train=True):
    return net.apply(variables, images, train=train, mutable=["batch_stats"])


def _compiled(function, *args):
    """What `function` returns, compiled in haste."""
    hasty = {"xla_backend_optimization_level": 0}
    return jax.jit(function).lower(*args).compile(compiler_options=hasty)(*args)


def _gradients(net, variables, images):
    def loss(params):
        heatmaps, updates = _run(net, {**variables, "params": params}, images)
        return jnp.mean(jnp.square(heatmaps - 1)), (heatmaps, updates)

    return _compiled(jax.grad(loss, has_aux=True), variables["params"])


def _sample(net):
    side = 4 * 2**net.depth
    shape = (2, 2 * side, side, 3)
    images = jnp.asarray(np.random.default_rng(0).random(shape, np.float32))
    return init(net, jax.random.key(0)), images


@pytest.fixture(scope="module", params=TINY)
def variant(request):
    settings = {"depth": 1, "stem_width": 4} | TINY[request.param]
    net = StackedHourglass(2, 8, 2, **settings)
    return request.param, net, *_sample(net)


@pytest.fixture(scope="module")
def looped(variant):
    """Gradients, heatmaps and updates of one step, the stacks written out."""
    _, net, variables, images = variant
    return _gradients(net.clone(scan=False), variables, images)


def test_every_kernel_gets_a_gradient(looped):
    for path, leaf in jax.tree_util.tree_leaves_with_path(looped[0]):
        assert np.isfinite(leaf).all(), path
        if path[-1].key == "kernel":
            assert np.abs(leaf).max() > 0, path


def test_every_supervised_place_has_heatmaps(variant, looped):
    name, _, _, images = variant
    _, height, width, _ = images.shape
    heatmaps = looped[1][0]
    assert heatmaps.shape == (MAPS.get(name, 2), 2, height // 4, width // 4, 2)
    assert heatmaps.dtype == jnp.float32


def test_a_scan_gives_what_the_loop_gives(variant, looped):
    _, net, variables, images = variant
    scanned = _compiled(partial(_run, net), variables, images)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-5, atol=5e-6), looped[1], scanned
    )


def test_evaluation_uses_the_statistics_and_leaves_them(variant):
    _, net, variables, images = variant
    run = partial(net.apply, train=False, mutable=["batch_stats"])
    heatmaps, updates = jax.eval_shape(run, variables, images)
    trained = jax.eval_shape(partial(_run, net), variables, images)
    assert jax.tree.structure((heatmaps, updates)) == jax.tree.structure(trained)
    assert jax.tree.map(jnp.shape, updates["batch_stats"]) == jax.tree.map(
        jnp.shape, variables["batch_stats"]
    )


def test_no_choice_is_untested():
    settings = [*TINY.values(), ELSEWHERE]
    hints = typing.get_type_hints(ModelConfig)
    choices = {f: typing.get_args(kind) for f, kind in hints.items()}
    for field, values in choices.items():
        if all(isinstance(value, str) for value in values):
            default = getattr(ModelConfig(), field)
            tested = {default} | {s[field] for s in settings if field in s}
            assert set(values) <= tested, field


HOURGLASS_52 = {"variant": "corner", "depth": 5, "blocks": 2, "stem_width": 128}
MMPOSE = StackedHourglass(2, 256, 17, **HOURGLASS_52)
PORTS = {
    "fan4": StackedHourglass(4, 256, 68, variant="fan"),
    "mmpose_hourglass52_coco": MMPOSE.clone(stacks=1),
    "mmpose_hourglass104_coco": MMPOSE,
    "anibali_hg2": StackedHourglass(2, 256, 16, stem="bearpaw"),
}


def test_hourglass_52_has_the_live_parameters_of_mmposes(parameters):
    # Of 94,847,889 stored ones these are never used: one stack merges nothing.
    dead = 1_180_672
    assert parameters(MMPOSE.clone(stacks=1)) == 94_847_889 - dead


def test_the_backbone_of_hourglass_104_has_its_parameters(parameters):
    heads = 2 * 17 * (256 + 1)
    assert parameters(MMPOSE) - heads == 187_700_352


def test_centernets_head_is_a_3x3_larger(parameters):
    centernet = MMPOSE.clone(variant="centernet")
    hidden = 9 * 256 * 256 + 256
    assert parameters(centernet) - parameters(MMPOSE) == 2 * hidden


@pytest.mark.parametrize(
    ("stacks", "count"), [(1, 6_249_668), (2, 12_106_504), (4, 23_820_176)]
)
def test_fan_has_its_parameters(stacks, count, parameters):
    # SPEC: 6.25, 12.11 and 23.82 million; each stack but the first adds 5,856,836.
    assert parameters(StackedHourglass(stacks, 256, 68, variant="fan")) == count


@pytest.mark.parametrize("file", PORTS)
def test_arrays_have_the_shapes_of_the_other_ports(file, shapes, shared_data):
    listed = Counter()
    path = shared_data.parent / "reference" / "state_dict_keys" / f"{file}.tsv"
    for line in path.read_text().splitlines():
        key, shape = line.split("\t")
        unused = file == "mmpose_hourglass52_coco" and "inters" in key
        if "num_batches_tracked" not in key and not unused:
            listed[tuple(json.loads(shape))] += 1
    assert Counter(_torch_shapes(shapes(PORTS[file]))) == listed


def _torch_shapes(variables):
    for path, leaf in flax.traverse_util.flatten_dict(variables).items():
        repeated = "stacks" in path
        shape = leaf.shape[1:] if repeated else leaf.shape
        for _ in range(leaf.shape[0] if repeated else 1):
            yield tuple(shape[i] for i in (3, 2, 0, 1)) if len(shape) == 4 else shape


def test_supervision_alone_changes_no_parameter(shapes):
    net = StackedHourglass(2, 32, 16)
    assert shapes(net.clone(supervise="last")) == shapes(net)
    inside = set(shapes(net.clone(supervise="inside"))["params"]["last"])
    assert inside - set(shapes(net)["params"]["last"]) == {"inside1", "inside2"}


@pytest.mark.parametrize(
    "settings", [*TINY.values(), {"depth": 2}, {"variant": "corner", "depth": 6}]
)
def test_the_sides_that_the_config_allows_work(settings):
    settings = {"stem_width": 4, "dtype": "bfloat16"} | settings
    model = ModelConfig(stacks=1, features=8, **settings)
    net = StackedHourglass(keypoints=2, **model.network())
    apply = partial(net.init, train=False)
    for side in (model.multiple, 3 * model.multiple):
        images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
        jax.eval_shape(apply, jax.random.key(0), images)
    images = jax.ShapeDtypeStruct((1, side, side + model.multiple // 2, 3), "float32")
    with pytest.raises(ValueError, match="nearest legal sizes"):
        jax.eval_shape(apply, jax.random.key(0), images)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"variant": "fan", "trunk": "fpn"},
            "model.trunk is 'fpn'; expected hourglass",
        ),
        ({"variant": "corner", "trunk": "unet"}, "model.trunk"),
        ({"variant": "corner", "stem": "bearpaw"}, "model.stem"),
        ({"variant": "fan", "stem": "bearpaw"}, "model.stem"),
        ({"variant": "centernet", "supervise": "inside"}, "model.supervise"),
        ({"variant": "corner", "supervise": "last"}, "model.supervise"),
        ({"supervise": "inside", "depth": 1}, "model.depth is 1; expected 2 or more"),
        ({"features": 6}, "a multiple of 4"),
    ],
)
def test_unlike_parts_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        ModelConfig(**settings)


def test_an_unknown_choice_is_refused_with_the_known_ones():
    config = ModelConfig()
    object.__setattr__(config, "trunk", "fnp")  # as from a file: types are unchecked
    says = "model.trunk is 'fnp'; expected one of hourglass, fpn, unet, rectified_gauss"
    with pytest.raises(InputError, match=says):
        config.__post_init__()


def test_recomputed_residuals_change_gradients_by_rounding_only():
    net = StackedHourglass(1, 8, 2, depth=1, stem_width=4)
    variables, images = _sample(net)
    kept = _gradients(net, variables, images)
    again = _gradients(net.clone(remat="residual"), variables, images)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(kept))
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6 * largest)
    jax.tree.map(close, kept, again)


def test_recomputing_residuals_recomputes_each_of_them():
    net = StackedHourglass(1, 8, 2, depth=1, stem_width=4, remat="residual")
    variables, images = _sample(net)
    program = jax.make_jaxpr(partial(_run, net))(variables, images)

    recomputed = [e for e in program.eqns if e.primitive.name == "remat2"]
    blocks = 3 + 4 + 1  # stem, hourglass, head
    assert len(recomputed) == blocks


def test_a_network_without_statistics_has_an_empty_collection_of_them():
    net = StackedHourglass(2, 8, 2, depth=1, stem_width=4, norm="group")
    variables = init(net, jax.random.key(0))
    assert variables["batch_stats"] == {}
    assert jax.tree.structure(variables) == jax.tree.structure(variable_shapes(net, 8))
