"""Training: the step, its state and optimiser, checkpoints, and the loop around it."""

from hourglass_jax.training.checkpoints import restore_variables

__all__ = ["restore_variables"]
