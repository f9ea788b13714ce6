"""Parameters of another model to begin with, matched by the names of keypoints."""

import dataclasses
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.models import init
from hourglass_jax.skeleton import COCO, MPII
from hourglass_jax.training import loop, restore_variables
from hourglass_jax.training.initial import begin_with
from hourglass_jax.training.state import make_network

from .runs import assert_same_end, scalars

TURNED = dataclasses.replace(
    MPII,
    keypoints=MPII.keypoints[::-1],
    limbs=(),
    groups={},
    torso=None,
    flip=tuple(15 - i for i in MPII.flip[::-1]),
    colours=MPII.colours[::-1],
)


def drawn(config, keypoints):
    """Parameters of another seed than the run's."""
    net = make_network(config, keypoints)
    return net, init(net, jax.random.key(7))


def heatmaps(net, variables):
    pictures = np.random.default_rng(0).uniform(0, 1, (2, 32, 32, 3))
    images = jnp.asarray(pictures, jnp.float32)
    return np.asarray(net.apply(variables, images, train=False))


def test_the_same_keypoints_take_every_bit(finished, tiny):
    learnt = restore_variables(finished)[0]
    _, fresh = drawn(tiny, 16)
    begun = begin_with(str(finished), fresh, tiny.model, MPII)
    assert jax.tree.structure(begun) == jax.tree.structure(fresh)
    jax.tree.map(np.testing.assert_array_equal, begun, learnt)


def test_keypoints_in_another_order_answer_alike(finished, tiny):
    learnt = restore_variables(finished)[0]
    net, fresh = drawn(tiny, 16)
    begun = begin_with(str(finished), fresh, tiny.model, TURNED)
    expected = heatmaps(net, learnt)[..., ::-1]
    np.testing.assert_allclose(heatmaps(net, begun), expected, atol=1e-5)


def test_new_keypoints_are_begun_afresh_and_named(finished, tiny, capsys):
    """COCO's shoulders to ankles are MPII's; its faces are not."""
    learnt = restore_variables(finished)[0]
    net, fresh = drawn(tiny, 17)
    begun = begin_with(str(finished), fresh, tiny.model, COCO)
    found = heatmaps(net, begun)[0]  # of the first stack, before they are merged
    expected = heatmaps(make_network(tiny, 16), learnt)[0]
    places = {"left_shoulder": "l_shoulder", "right_ankle": "r_ankle"}
    for name, known in places.items():
        np.testing.assert_allclose(
            found[..., COCO.keypoints.index(name)],
            expected[..., MPII.keypoints.index(known)],
            atol=1e-5,
        )
    heads = [each["params"]["last"]["heatmaps"]["kernel"] for each in (begun, fresh)]
    np.testing.assert_array_equal(heads[0][..., :5], heads[1][..., :5])
    assert "new keypoints: nose, left_eye" in capsys.readouterr().err


def widened(finished, tiny, skeleton, times):
    """A network so many times as wide, and its first variables."""
    widths = {"features": 8 * times, "stem_width": 4 * times}
    model = dataclasses.replace(tiny.model, **widths)
    net, fresh = drawn(dataclasses.replace(tiny, model=model), len(skeleton.keypoints))
    return net, begin_with(str(finished), fresh, model, skeleton)


def test_a_wider_network_answers_alike(finished, tiny):
    """Three times as wide, and keypoints in another order."""
    learnt = restore_variables(finished)[0]
    net, begun = widened(finished, tiny, TURNED, 3)
    expected = heatmaps(make_network(tiny, 16), learnt)[..., ::-1]
    np.testing.assert_allclose(heatmaps(net, begun), expected, atol=1e-5)


def test_a_wider_network_with_more_keypoints_keeps_those_it_knows(finished, tiny):
    learnt = restore_variables(finished)[0]
    net, begun = widened(finished, tiny, COCO, 2)
    found, expected = (
        heatmaps(*each)[0, ..., skeleton.keypoints.index(name)]
        for each, skeleton, name in (
            ((net, begun), COCO, "left_shoulder"),
            ((make_network(tiny, 16), learnt), MPII, "l_shoulder"),
        )
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_copies_of_a_channel_do_not_learn_alike(finished, tiny):
    """Adam takes no notice of a gradient's length: only its direction tells apart."""
    net, begun = widened(finished, tiny, MPII, 2)
    images = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (2, 32, 32, 3)))

    def loss(params):
        stacks = net.apply(begun | {"params": params}, images, train=False)
        return jnp.mean(jnp.square(stacks - 0.1))

    grads = jax.grad(loss)(begun["params"])
    grad = np.asarray(grads["stem"]["residual3"]["conv3"]["kernel"])
    one, other = (grad[..., i::2].ravel() for i in (0, 1))
    along = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert along < 0.999


def test_a_stem_that_would_need_another_layer_is_refused(finished, tiny):
    """It is as wide as the hourglass, where no projection is, and would not be."""
    model = dataclasses.replace(tiny.model, features=16)
    _, fresh = drawn(dataclasses.replace(tiny, model=model), 16)
    with pytest.raises(InputError, match=r"multiply model\.stem_width by what"):
        begin_with(str(finished), fresh, model, MPII)


def test_another_network_is_refused_by_what_to_set(finished, tiny):
    model = dataclasses.replace(tiny.model, features=20, mean=(0.5, 0.5, 0.5))
    with pytest.raises(InputError) as error:
        begin_with(str(finished), {}, model, MPII)
    features = tiny.model.features
    assert f"model.features is {features} there and 20 in the config" in str(
        error.value
    )
    assert "model.mean is (0.0, 0.0, 0.0) there and (0.5, 0.5, 0.5)" in str(error.value)


def test_a_training_goes_on_from_what_was_learnt(finished, tiny, tmp_path):
    """Its first loss is one of a network that was taught; it is read but once."""
    model = shutil.copytree(finished, tmp_path / "model")
    train = dataclasses.replace(tiny.train, init_from=str(model), steps=2)
    config = dataclasses.replace(tiny, train=train)
    loop.train(config, tmp_path / "begun")
    assert scalars(tmp_path / "begun")[0]["loss"] < scalars(finished)[0]["loss"]
    loop.train(config, tmp_path / "again")
    assert_same_end(tmp_path / "begun", tmp_path / "again")
    shutil.rmtree(model)
    longer = dataclasses.replace(config, train=dataclasses.replace(train, steps=3))
    loop.train(longer, tmp_path / "begun")
    with pytest.raises(InputError, match="model does not exist"):
        loop.train(config, tmp_path / "fresh")
