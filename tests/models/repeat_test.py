"""Stacks with arrays of their own, to be read where they lie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hourglass_jax.models import StackedHourglass, init
from hourglass_jax.models.onednn import use_onednn
from hourglass_jax.models.repeat import join_stacks, part_stacks


@pytest.fixture(scope="module")
def net_and_variables():
    net = StackedHourglass(4, 32, 3, depth=1, stem_width=4)
    return net, init(net, jax.random.key(0))


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_parted_stacks_are_the_same_together_again(norm):
    net = StackedHourglass(3, 8, 3, depth=1, stem_width=4, norm=norm)
    variables = init(net, jax.random.key(0))
    again = join_stacks(part_stacks(variables))
    assert jax.tree.structure(again) == jax.tree.structure(variables)
    jax.tree.map(np.testing.assert_array_equal, again, variables)


def test_one_stack_has_none_to_part():
    net = StackedHourglass(1, 8, 3, depth=1, stem_width=4)
    variables = init(net, jax.random.key(0))
    assert jax.tree.structure(part_stacks(variables)) == jax.tree.structure(variables)


def test_answers_from_parted_stacks_are_the_same_and_copy_no_kernels(net_and_variables):
    net, variables = net_and_variables
    net = use_onednn(net, ["cpu"])
    images = jnp.asarray(np.random.default_rng(0).random((1, 8, 8, 3), np.float32))

    def apply(variables, images):
        return net.apply(join_stacks(variables), images, train=False)

    compiled = {
        name: jax.jit(apply).lower(given, images).compile()
        for name, given in (("whole", variables), ("parted", part_stacks(variables)))
    }
    answers = [compiled["whole"](variables, images)]
    answers.append(compiled["parted"](part_stacks(variables), images))
    np.testing.assert_array_equal(*answers)
    memory = {
        name: program.memory_analysis().temp_size_in_bytes
        for name, program in compiled.items()
    }
    kernels = sum(
        leaf.nbytes for leaf in jax.tree.leaves(variables["params"]["stacks"])
    )
    assert memory["whole"] - memory["parted"] > kernels / 4, (memory, kernels)
