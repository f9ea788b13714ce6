"""Models that come with the package, each an exported folder under its name."""

import difflib
from pathlib import Path

from hourglass_jax.errors import InputError

FOLDER = Path(__file__).parents[1] / "released"
DEFAULT = "hg-people-small"
"""What `hourglass predict` uses where no model is named."""


def released_names() -> tuple[str, ...]:
    """What `hourglass_jax.load` takes besides paths."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/model.json")))


def find_released(name: str) -> Path:
    """The folder of a released model.

    Raises:
      InputError: no released model has this name.
    """
    names = released_names()
    if name in names:
        return FOLDER / name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; perhaps you meant {near[0]}" if near else ""
    raise InputError(
        f"model: {name} does not exist{hint}; expected a workdir, what `hourglass "
        f"export` made, or a released model ({', '.join(names) or 'none is installed'})"
    )
