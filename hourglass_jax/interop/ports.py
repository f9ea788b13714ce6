"""Every port that is known here, and whose file is whose."""

from collections.abc import Collection

from hourglass_jax.errors import InputError
from hourglass_jax.interop.bearpaw import BEARPAW
from hourglass_jax.interop.corner import CENTERNET, MMPOSE
from hourglass_jax.interop.fan import FAN
from hourglass_jax.interop.layouts import Layout
from hourglass_jax.interop.names import shorten
from hourglass_jax.interop.princeton import PRINCETON

LAYOUTS = {
    layout.name: layout for layout in (PRINCETON, BEARPAW, MMPOSE, CENTERNET, FAN)
}


def find_layout(name: str) -> Layout:
    """The port of this name; raises InputError where there is none."""
    if name not in LAYOUTS:
        raise InputError(f"no layout {name!r}; expected one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def recognise(names: Collection[str]) -> Layout:
    """The port whose names a state dict has; raises InputError where it is nobody's."""
    for layout in LAYOUTS.values():
        if layout.matches(names):
            return layout
    raise InputError(
        f"names of no port known here ({', '.join(LAYOUTS)}): "
        f"{', '.join(shorten(names, ()))}; where it is one of them, name it with "
        "--from, and what is missing will be listed"
    )
