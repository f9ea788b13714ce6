"""Lists of tensors' names, as short as they can be said in full."""

from collections.abc import Collection, Iterable, Iterator


def is_part_of(name: str, modules: Iterable[str]) -> bool:
    """Whether a tensor belongs to one of these modules."""
    return any(name.startswith(f"{module}.") for module in modules)


def shorten(names: Iterable[str], others: Collection[str]) -> Iterator[str]:
    """Name modules in place of tensors, where all of a module's are meant.

    Args:
      names: tensors.
      others: tensors that are not meant; no module that is named holds one of them.
    """
    taken = {module for name in others for module in _modules(name)}
    meant: dict[str, list[str]] = {}
    for name in names:
        free = (module for module in _modules(name) if module not in taken)
        meant.setdefault(next(free, name), []).append(name)
    for module, some in meant.items():
        yield some[0] if len(some) == 1 else f"{module}.* ({len(some)})"


def _modules(name: str) -> Iterator[str]:
    """The modules that a tensor lies in, outermost first, and the tensor itself."""
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        yield ".".join(parts[:i])
