"""The face alignment network's block (Bulat, Tzimiropoulos 2017, arXiv:1703.07332)."""

import flax.linen as nn
import jax.numpy as jnp

from hourglass_jax.models.parts import Features, Maps, ModuleFactory


class ParallelResidual(nn.Module):
    """Three 3x3 in a row to f/2, f/4 and f/4 channels, concatenated, plus the input.

    Each is normalised and rectified before; none has a bias. A skip that changes the
    width is normalised and rectified, too.
    """

    features: int
    conv: ModuleFactory
    norm: ModuleFactory

    @nn.compact
    def __call__(self, x: Maps) -> Features:
        """Return maps of `features` channels."""
        y, steps = x, []
        for i, share in enumerate((2, 4, 4), start=1):
            y = self.norm(name=f"norm{i}", relu=True)(y)
            y = self.conv(
                *(self.features // share, 3),
                padding=1,
                use_bias=False,
                name=f"conv{i}",
            )(y)
            steps.append(y)
        if x.shape[-1] != self.features:
            x = self.norm(name="skip_norm", relu=True)(x)
            x = self.conv(self.features, use_bias=False, name="skip")(x)
        return x + jnp.concatenate(steps, axis=-1)
