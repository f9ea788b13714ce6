"""Hierarchical rectified Gaussians (Hu and Ramanan 2015, arXiv:1507.05699).

Layers are non-negative latent variables z_0 .. z_n of a quadratic energy

    E(z) = sum_i  |z_i|^2 / 2  -  z_i . (K_i z_{i-1} + b_i),

K_0 z_{-1} being what is observed. No two variables of a layer interact, so given its
neighbours a layer's energy is least at

    z_i = relu(K_i z_{i-1} + b_i + K_{i+1}' z_{i+1}),

a convolution upwards, and the transpose of the next layer's downwards. Inference visits
the layers in turn, a rectified coordinate descent; a first pass from the bottom, the
others still zero, is a plain feed-forward network.
"""

from collections.abc import Iterator, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from hourglass_jax.models import layers
from hourglass_jax.models.convolution import conv
from hourglass_jax.models.parts import Level, Maps
from hourglass_jax.models.trunks import Trunk, cells, hourglass_cost, matched_width

Kernel = Float[Array, "3 3 c c"]
Bias = Float[Array, " c"]
Weights = tuple[Kernel, Bias]  # K_i and b_i, for a layer i above the lowest

# Torch's uniform weights shrink what passes a ReLU sixfold in variance.
GAIN = 6**0.5


def bottom_up(below: Maps, weights: Weights, layer: int) -> Level:
    """K_i z_{i-1} + b_i; every other layer has half its predecessor's h and w."""
    kernel, bias = weights
    if layer % 2 == 0:
        below = 2 * layers.average_pool(below)
    return conv(below, GAIN * kernel, 1, 1) + bias.reshape(1, 1, 1, -1)


def top_down(above: Maps, weights: Weights, layer: int) -> Level:
    """K_i' z_i, the transpose of `bottom_up` without its bias."""
    kernel, _ = weights
    below = conv(above, GAIN * kernel[::-1, ::-1].swapaxes(2, 3), 1, 1)
    return layers.upsample(below) / 2 if layer % 2 == 0 else below


def descend(
    observed: Maps, weights: Sequence[Weights], passes: int
) -> Iterator[list[Level]]:
    """Yield all layers after each pass; passes go upwards and downwards in turn.

    Args:
        observed: K_0 x + b_0.
        weights: of the layers above the lowest.
        passes: how many to make.
    """
    top = len(weights)
    up: list[Level] = [observed]
    down: list[Level | float] = [0.0] * (top + 1)
    latents = [nn.relu(observed)]
    for i, each in enumerate(weights, start=1):
        up.append(bottom_up(latents[-1], each, i))
        latents.append(nn.relu(up[i]))
    yield list(latents)
    for number in range(1, passes):
        upwards = number % 2 == 0
        for i in range(1, top + 1) if upwards else reversed(range(top)):
            if upwards:
                up[i] = bottom_up(latents[i - 1], weights[i - 1], i)
            else:
                down[i] = top_down(latents[i + 1], weights[i], i + 1)
            latents[i] = nn.relu(up[i] + down[i])
        yield list(latents)


def energy(
    latents: Sequence[Level], observed: Maps, weights: Sequence[Weights]
) -> Float[Array, " b"]:
    """E of each image, which no pass can raise."""
    total = jnp.zeros(len(observed))
    for i, z in enumerate(latents):
        drive = bottom_up(latents[i - 1], weights[i - 1], i) if i else observed
        total += jnp.sum(z * (z / 2 - drive), axis=(1, 2, 3))
    return total


class Tied(nn.Module):
    """The weights of a layer, used upwards and, transposed, downwards."""

    dtype: DTypeLike

    @nn.compact
    def __call__(self, width: int) -> Weights:
        """Return them in `dtype`; they are kept in float32."""
        fan_in = 9 * width
        kernel = self.param("kernel", layers.uniform, (3, 3, width, width), fan_in)
        bias = self.param("bias", layers.uniform, (width,), fan_in)
        return kernel.astype(self.dtype), bias.astype(self.dtype)


class RectifiedGaussian(Trunk):
    """Two layers a level, of one width, inferred in `passes` passes.

    The width is what makes two passes cost what an hourglass costs.
    """

    passes: int = 2

    @nn.compact
    def pyramid(self, x: Maps, levels: int = 1) -> tuple[Level, ...]:
        """Return the features, then the first layer of every lower level."""
        width = self._width()
        x = self.parts.norm(name="norm")(x)
        observed = self.parts.conv(width, name="layer0")(x)
        weights = [
            Tied(observed.dtype, name=f"layer{i}")(width)
            for i in range(1, 2 * (self.depth + 1))
        ]
        *_, latents = descend(observed, weights, self.passes)
        features = self.parts.conv(self.parts.features, name="output")(latents[0])
        return features, *latents[2::2]

    def _width(self) -> int:
        # All layers but the lowest are passed through once each way.
        square = 2 * 9 * (2 * cells(self.depth) - 1)
        cost = hourglass_cost(self.depth, self.parts)
        return matched_width(self.parts, cost, square, linear=2 * self.parts.features)


TRUNK = RectifiedGaussian
