"""Feature pyramid network (Lin et al. 2017, arXiv:1612.03144)."""

import flax.linen as nn

from hourglass_jax.models import layers
from hourglass_jax.models.parts import Level, Maps
from hourglass_jax.models.trunks import (
    Trunk,
    cells,
    hourglass_cost,
    matched_width,
    residual_cost,
)


class FPN(Trunk):
    """Residuals down, 1x1 across, upsampling and addition up, a 3x3 for each level.

    The maps that are added have fewer channels than the features, as many as make the
    whole cost what an hourglass costs.
    """

    @nn.compact
    def pyramid(self, x: Maps, levels: int = 1) -> tuple[Level, ...]:
        """Return P2, of `x`'s size, to P5 if `levels` is 4, all equally wide."""
        bottom_up = [x]
        for level in range(1, self.depth + 1):
            low = self.parts.pool(bottom_up[-1])
            bottom_up.append(self.parts.residuals(f"down{level}")(low))
        width = self._lateral_width()
        top_down: list[Level] = []
        for level, maps in reversed(list(enumerate(bottom_up))):
            lateral = self.parts.conv(width, name=f"lateral{level}")(maps)
            above = layers.upsample(top_down[0]) if top_down else 0.0
            top_down.insert(0, lateral + above)
        return tuple(
            self.parts.conv(
                self.parts.features, size=3, padding=1, name=f"smooth{level}"
            )(maps)
            for level, maps in enumerate(top_down[:levels])
        )

    def _lateral_width(self) -> int:
        # Of the finest level alone, as for heatmaps, the 3x3 is computed.
        down = residual_cost(self.parts) * (cells(self.depth) - 1)
        cost = hourglass_cost(self.depth, self.parts) - down
        lateral_and_smooth = self.parts.features * (cells(self.depth) + 9)
        return matched_width(self.parts, cost, square=0, linear=lateral_and_smooth)


TRUNK = FPN
