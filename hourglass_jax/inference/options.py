"""How a model looks at people, besides what its card says."""

import dataclasses
import math
import operator
from typing import Any, Literal

import numpy as np

from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard

Size = tuple[int, int]
InputSize = Size | Literal["auto"] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What `Predictor.predict` is asked for; the arguments are explained there.

    `make_options` makes them of what a user gives.
    """

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


def make_options(
    flip: bool, scales: Any, stacks: Any, input_size: Any = None
) -> Options:
    """Options from Python, where anything can be given; lists are taken as tuples.

    Raises InputError for what is not of an option's kind; see also `Options.check`.
    """
    numbers = _row(scales, "iuf")
    if numbers is None:
        raise _no_scales(scales)
    try:
        stacks = None if stacks is None else operator.index(stacks)
    except TypeError:
        raise InputError(
            f"predict: stacks of {stacks!r}; expected a whole number"
        ) from None
    if input_size is not None and str(input_size) != "auto":
        input_size = _sides(input_size)
    return Options(flip=flip, scales=numbers, stacks=stacks, input_size=input_size)


def _sides(given: Any) -> Size:
    match _row(given, "iu"):
        case (int(height), int(width)):
            return height, width
    raise InputError(
        f"predict: an input size of {given!r}; expected (height, width) in whole "
        'pixels, or "auto"'
    )


def _row(given: Any, kinds: str) -> tuple[Any, ...] | None:
    """Numbers in a row, of some of NumPy's kinds; None for anything else."""
    try:
        array = np.asarray(given)
    except ValueError:  # lists of different lengths
        return None
    row = array.ndim == 1 and array.dtype.kind in kinds
    return tuple(array.tolist()) if row else None


def check_scales(scales: tuple[float, ...]) -> None:
    """Raise InputError unless there are scales, each above 0."""
    if not scales or not all(0 < scale < math.inf for scale in scales):
        raise _no_scales(scales)


def _no_scales(given: Any) -> InputError:
    return InputError(
        f"predict: scales of {given!r}; expected one or more numbers above 0, such as "
        "0.9 1 1.1"
    )
