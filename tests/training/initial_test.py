"""Parameters of another model to begin with, matched by the names of keypoints."""

import dataclasses
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.config import ModelConfig
from hourglass_jax.diagnosis.ours import lively
from hourglass_jax.errors import InputError
from hourglass_jax.inference import Predictor, export_orbax
from hourglass_jax.inference.card import ModelCard
from hourglass_jax.models import StackedHourglass, init
from hourglass_jax.skeleton import COCO, LSP, MPII
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


NARROW = ModelConfig(stacks=3, features=16, depth=1, stem_width=4)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A model of three stacks with statistics of its own, and its folder."""
    net = StackedHourglass(keypoints=16, **NARROW.network())
    variables = lively(init(net, jax.random.key(3)), 4)
    decoding = {"box_padding": 1.25, "decoder": "dark", "sigma_hm": 1.0}
    card = ModelCard(model=NARROW, skeleton=MPII, input_size=(32, 32), **decoding)
    folder = tmp_path_factory.mktemp("narrow") / "model"
    export_orbax(Predictor(card, variables), folder)
    return folder, net, variables


def widened(narrow, skeleton, **widths):
    """A network of other widths, and its first variables."""
    model = dataclasses.replace(NARROW, **widths)
    net = StackedHourglass(keypoints=len(skeleton.keypoints), **model.network())
    fresh = init(net, jax.random.key(7))
    return net, begin_with(str(narrow[0]), fresh, model, skeleton)


@pytest.mark.parametrize("widths", [(32, 4), (32, 12), (16, 12)])
def test_a_wider_network_answers_alike(narrow, widths, capsys):
    """Each width by itself, and with keypoints in another order."""
    features, stem_width = widths
    begun = widened(narrow, TURNED, features=features, stem_width=stem_width)
    expected = heatmaps(*narrow[1:])[..., ::-1]
    np.testing.assert_allclose(heatmaps(*begun), expected, rtol=1e-4, atol=1e-5)
    said = "widened from 16 to 32 features" in capsys.readouterr().err
    assert said == (features == 32)


@pytest.mark.parametrize("skeleton", [COCO, LSP], ids=["more", "fewer"])
def test_a_wider_network_of_other_keypoints_keeps_those_it_knows(narrow, skeleton):
    """In the first stack: its heatmaps are merged into the next."""
    found = heatmaps(*widened(narrow, skeleton, features=48))[0]
    expected = heatmaps(*narrow[1:])[0]
    names = ("left_shoulder", "right_ankle") if skeleton is COCO else LSP.keypoints[:6]
    known = {"left_shoulder": "l_shoulder", "right_ankle": "r_ankle"}
    for name in names:
        np.testing.assert_allclose(
            found[..., skeleton.keypoints.index(name)],
            expected[..., MPII.keypoints.index(known.get(name, name))],
            rtol=1e-4,
            atol=1e-5,
        )


def test_copies_of_a_channel_do_not_learn_alike(narrow):
    """Adam takes no notice of a gradient's length: only its direction tells apart."""
    net, begun = widened(narrow, MPII, features=32)
    images = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (2, 32, 32, 3)))

    def loss(params):
        stacks = net.apply(begun | {"params": params}, images, train=False)
        return jnp.mean(jnp.square(stacks - 0.1))

    grads = jax.grad(loss)(begun["params"])
    grad = np.asarray(grads["stem"]["residual3"]["conv3"]["kernel"])
    one, other = (grad[..., i::2].ravel() for i in (0, 1))
    along = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert along < 0.98


def test_a_stem_that_would_need_another_layer_is_refused(finished, tiny):
    """As wide as the hourglass it has no projection; it would be narrower."""
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
