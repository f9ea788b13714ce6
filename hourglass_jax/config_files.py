"""Configurations in files: a Python file's ``get_config()``, and a run's JSON."""

import dataclasses
import importlib.util
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hourglass_jax.config import Config
from hourglass_jax.errors import InputError


def load_config(path: str | Path) -> Config:
    """Run a config file's ``get_config()``; raises InputError if it has none."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"config: {path} does not exist; give a file such as "
            "configs/synthetic_demo.py"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"config: {path} is not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if not callable(getattr(module, "get_config", None)):
            raise InputError(
                f"config: {path} has no get_config(); define `def get_config() -> "
                "Config`"
            )
        config = module.get_config()
    except InputError:
        raise
    except Exception as error:  # any mistake in the user's own file
        raise InputError(f"config: {path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, Config):
        raise InputError(
            f"config: {path}: get_config() returned "
            f"{type(config).__name__}; expected hourglass_jax.Config"
        )
    # As it will be read back when the run goes on: with tuples where a list was given.
    return from_json(to_json(config), path)


def to_json(config: Config) -> str:
    """The whole configuration as JSON text; `from_json` reads it back."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def from_json(text: str, where: str | Path) -> Config:
    """Read `to_json` back; raises InputError naming ``where`` and the field."""
    try:
        return _build(Config, json.loads(text), where)
    except json.JSONDecodeError as error:
        raise InputError(f"config: {where}: not JSON ({error})") from error


def _build(kind: type, fields: Any, where: str | Path) -> Any:
    types = typing.get_type_hints(kind)
    if not isinstance(fields, Mapping) or not set(fields) <= set(types):
        known = ", ".join(types)
        raise InputError(
            f"config: {where}: {fields!r} for {kind.__name__}; "
            f"expected the fields {known}"
        )
    return kind(**{k: _convert(types[k], v, where) for k, v in fields.items()})


def _convert(kind: Any, value: Any, where: str | Path) -> Any:
    if dataclasses.is_dataclass(kind):
        return _build(typing.cast(type, kind), value, where)
    if typing.get_origin(kind) is tuple:
        return tuple(_convert(typing.get_args(kind)[0], one, where) for one in value)
    if kind == Path | None and value is not None:
        return Path(value)
    return value
