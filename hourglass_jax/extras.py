"""Packages that only some users need, imported where they are used."""

import importlib
from types import ModuleType

from hourglass_jax.errors import InputError


def import_extra(module: str, how: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
      module: its full name.
      how: what to run if it is not there, such as ``pip install "a[b]"``.

    Raises:
      InputError: it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise InputError(f"{package} cannot be imported ({error}); {how}") from error
