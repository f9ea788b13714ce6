"""How a model looks at people, besides what its card says."""

import dataclasses
import math
from typing import Literal

from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard

Size = tuple[int, int]
InputSize = Size | Literal["auto"] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What `Predictor.predict` is asked for; the arguments are explained there."""

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    stacks: int | None = None
    input_size: InputSize = None

    def check(self, card: ModelCard) -> None:
        """Raise InputError for what the model cannot do."""
        check_scales(self.scales)
        most = card.model.stacks
        if self.stacks is not None and not 1 <= self.stacks <= most:
            raise InputError(
                f"predict: stacks of {self.stacks}; this model has {most}; expected "
                f"1 to {most}"
            )
        if self.stacks not in (None, most) and card.model.supervise == "last":
            raise InputError(
                f"predict: stacks of {self.stacks}; only the last of this model's "
                f"{most} was taught to answer"
            )
        if isinstance(self.input_size, tuple):
            # The card holds the rule for sizes.
            dataclasses.replace(card, input_size=self.input_size)

    def crop_size(self, card: ModelCard, photograph: Size, whole: bool) -> Size:
        """(height, width) of the crops of a photograph of (height, width).

        Args:
          card: of the model.
          photograph: its size.
          whole: the photograph itself is the crop, there are no boxes.
        """
        if self.input_size is None or (self.input_size == "auto" and not whole):
            return card.input_size
        if self.input_size != "auto":
            return self.input_size
        multiple, longest = card.model.multiple, max(card.input_size)
        height, width = (
            multiple * math.ceil(n * longest / max(photograph) / multiple)
            for n in photograph
        )
        return height, width


def check_scales(scales: tuple[float, ...]) -> None:
    """Raise InputError unless there are scales, each above 0."""
    if not scales or not all(0 < scale < math.inf for scale in scales):
        raise InputError(
            f"predict: scales of {scales}; expected one or more numbers above 0, such "
            "as 0.9 1 1.1"
        )
