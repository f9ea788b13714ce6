"""Everything that training changes."""

from typing import TYPE_CHECKING, Any

import flax.struct
import jax
import jax.numpy as jnp

from hourglass_jax.config import Config
from hourglass_jax.models.hourglass import StackedHourglass, init

if TYPE_CHECKING:  # predicting reads workdirs, too, and needs no optimiser
    import optax

Variables = dict[str, Any]
"""``{"params": ..., "batch_stats": ...}``: what `StackedHourglass.apply` takes."""


@flax.struct.dataclass
class TrainState:
    """A point in training; a pytree.

    Attributes:
      step: how many steps were taken, int32.
      variables: the network's parameters and BatchNorm statistics.
      opt_state: what the optimiser remembers.
      ema: running average of ``variables``, or None if the config asks for none.
    """

    step: Any  # as `opt_state`: compiling ahead puts descriptions of arrays there
    variables: Variables
    opt_state: Any
    ema: Variables | None

    @property
    def evaluated(self) -> Variables:
        """The variables to evaluate and to keep: the average where there is one."""
        return self.variables if self.ema is None else self.ema


def make_network(config: Config, keypoints: int) -> StackedHourglass:
    """The network that a config describes, for ``keypoints`` heatmaps."""
    return StackedHourglass(keypoints=keypoints, **config.model.network())


def create_state(
    config: Config, net: StackedHourglass, optimiser: "optax.GradientTransformation"
) -> TrainState:
    """The state before the first step; a pure function of ``config.seed``."""
    variables = init(net, jax.random.key(config.seed))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        variables=variables,
        opt_state=optimiser.init(variables["params"]),
        ema=jax.tree.map(jnp.copy, variables) if config.optim.ema else None,
    )
