"""Fewer stacks of a trained network: each of them was taught to answer."""

import jax

from hourglass_jax.models.hourglass import StackedHourglass, Variables


def leave_after(
    net: StackedHourglass, variables: Variables, stacks: int
) -> tuple[StackedHourglass, Variables]:
    """The network of the first `stacks` stacks, and its variables.

    What it answers is what `net` answers at its stack number `stacks`, counted from 1;
    the stacks behind it are not computed, and their parameters not needed.

    Raises:
        ValueError: `net` has no such stack.
    """
    if not 1 <= stacks <= net.stacks:
        raise ValueError(f"stacks: {stacks}; expected 1 to {net.stacks}")
    if stacks == net.stacks:
        return net, variables
    shorter = {name: _cut(tree, stacks) for name, tree in variables.items()}
    return net.clone(stacks=stacks), shorter


def _cut(tree: Variables, stacks: int) -> Variables:
    """One collection: the exit is a merging stack that has nobody to merge for."""
    if "stacks" not in tree:  # without normalisation by batches there are no statistics
        return tree
    exit_ = jax.tree.map(lambda leaf: leaf[stacks - 1], tree["stacks"])
    last = {name: exit_[name] for name in tree["last"]}
    rest = {name: part for name, part in tree.items() if name != "stacks"}
    if stacks > 1:
        rest["stacks"] = jax.tree.map(lambda leaf: leaf[: stacks - 1], tree["stacks"])
    return rest | {"last": last}
