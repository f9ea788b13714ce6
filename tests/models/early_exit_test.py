import jax
import numpy as np
import pytest

from hourglass_jax.models.early_exit import leave_after
from hourglass_jax.models.hourglass import StackedHourglass, init


@pytest.fixture(scope="module")
def three():
    net = StackedHourglass(stacks=3, features=8, keypoints=2, depth=1, stem_width=4)
    return net, init(net, jax.random.key(0))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(jax.random.key(1), (2, 16, 16, 3))


@pytest.mark.parametrize("stacks", [1, 2, 3])
def test_an_exit_says_what_its_stack_says(three, images, stacks):
    net, variables = three
    every = net.apply(variables, images, train=False)
    shorter, its_variables = leave_after(net, variables, stacks)
    found = shorter.apply(its_variables, images, train=False)
    assert len(found) == stacks
    np.testing.assert_allclose(found, every[:stacks], atol=1e-6)


def test_an_exit_costs_what_a_network_of_so_many_stacks_costs(three, images):
    net, variables = three

    def cost(net, variables):
        apply = jax.jit(lambda v, x: net.apply(v, x, train=False))
        flops = apply.lower(variables, images).cost_analysis()["flops"]
        return flops, sum(leaf.size for leaf in jax.tree.leaves(variables))

    whole = cost(net, variables)
    for stacks in (1, 2):
        fresh = net.clone(stacks=stacks)
        expected = cost(fresh, init(fresh, jax.random.key(0)))
        found = cost(*leave_after(net, variables, stacks))
        assert found == expected
        assert found < whole


@pytest.mark.parametrize("stacks", [0, 4, -1])
def test_a_stack_that_is_not_there_is_refused(three, stacks):
    with pytest.raises(ValueError, match="expected 1 to 3"):
        leave_after(*three, stacks)
