"""Optimisers and learning-rate schedules, put together from optax."""

import jax
import optax

from hourglass_jax.config import OptimConfig


def make_schedule(config: OptimConfig, steps: int) -> optax.Schedule:
    """Step -> learning rate, over a training of ``steps`` steps."""
    rate = config.learning_rate
    match config.schedule:
        case "constant":
            main = optax.constant_schedule(rate)
        case "step":
            drops = {round(share * steps): config.drop for share in config.milestones}
            main = optax.piecewise_constant_schedule(rate, drops)
        case "cosine":
            main = optax.cosine_decay_schedule(rate, steps)
    if not config.warmup_steps:
        return main
    ramp = optax.linear_schedule(1 / config.warmup_steps, 1.0, config.warmup_steps)
    return lambda step: main(step) * ramp(step)


def make_optimiser(config: OptimConfig, steps: int) -> optax.GradientTransformation:
    """Gradient clipping, if any, then RMSprop as in Torch, or AdamW."""
    schedule = make_schedule(config, steps)
    match config.name:
        case "rmsprop":
            # Torch's constants: alpha 0.99, epsilon 1e-8 added to the root.
            rule = optax.rmsprop(
                schedule, decay=0.99, eps=1e-8, eps_in_sqrt=False, initial_scale=0.0
            )
        case "adamw":
            rule = optax.adamw(
                schedule, weight_decay=config.weight_decay, mask=_is_kernel
            )
    if config.clip_norm:
        return optax.chain(optax.clip_by_global_norm(config.clip_norm), rule)
    return rule


def _is_kernel(params: optax.Params) -> optax.Params:
    """Biases and normalisation scales do not decay."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: getattr(path[-1], "key", None) == "kernel", params
    )
