"""A training's first parameters, where they are those of another model."""

from collections.abc import Sequence

import flax
import jax
import numpy as np

from hourglass_jax.config import ModelConfig
from hourglass_jax.errors import InputError
from hourglass_jax.inference import Predictor, load
from hourglass_jax.joint_names import read_names
from hourglass_jax.models.hourglass import StackedHourglass, Variables
from hourglass_jax.models.variables import variable_shapes
from hourglass_jax.progress import console
from hourglass_jax.skeleton import Skeleton

_HOW = ("dtype", "remat")  # settings of a network that its parameters do not depend on
_WIDTHS = ("features", "stem_width")  # which may be multiples of what was learnt


def begin_with(
    name: str, drawn: Variables, model: ModelConfig, skeleton: Skeleton
) -> Variables:
    """Everything that a model has learnt, for other keypoints where they differ.

    Args:
      name: of the model, as `hourglass_jax.load` takes it.
      drawn: variables of the new network. What belongs to heatmaps of keypoints that
        the model does not have stays as it was drawn; names tell which are the same.
      model: the new network. The paper's may be wider than what was learnt, a whole
        number of times: it answers alike at first.
      skeleton: its keypoints.

    Raises:
      InputError: the model cannot be loaded, or is another network.
    """
    learnt = _load(name)
    _refuse_others(name, learnt.card.model, model)
    known = {joint: i for i, joint in enumerate(read_names(learnt.skeleton.keypoints))}
    places = [known.get(joint, -1) for joint in read_names(skeleton.keypoints)]
    new = [k for k, i in zip(skeleton.keypoints, places, strict=True) if i < 0]
    before, now = learnt.card.model.features, model.features
    wider = "" if before == now else f", widened from {before} to {now} features"
    new_keypoints = ", ".join(new) or "none"
    console.print(
        f"begun with {name}{wider}; new keypoints: {new_keypoints}", markup=False
    )
    net = StackedHourglass(keypoints=len(places), **model.network())
    axes = _keypoint_axes(net, model.multiple)
    sources = flax.traverse_util.flatten_dict(jax.device_get(learnt.variables))
    leaves = flax.traverse_util.flatten_dict(jax.device_get(drawn))
    if sources.keys() != leaves.keys():
        raise InputError(
            f"train.init_from: {name} and the config differ in where the stem widens; "
            "multiply model.stem_width by what model.features is multiplied by"
        )
    taken = {
        path: _take(_widen(sources[path], leaf, axes[path]), leaf, axes[path], places)
        for path, leaf in leaves.items()
    }
    return {name: {} for name in drawn} | flax.traverse_util.unflatten_dict(taken)


def _load(name: str) -> Predictor:
    model = load(name)
    if not hasattr(model, "variables"):
        raise InputError(
            f"train.init_from: {name} is an exported file, its parameters are folded; "
            "give a workdir, an exported folder or a released model"
        )
    return model


def _refuse_others(name: str, learnt: ModelConfig, model: ModelConfig) -> None:
    """Raise InputError that lists what to set."""
    there, here = (
        config.network() | {"mean": tuple(config.mean)} for config in (learnt, model)
    )
    differing = [
        f"model.{field} is {value} there and {here[field]} in the config"
        for field, value in there.items()
        if here[field] != value
        and field not in _HOW
        and not _widens(field, value, model)
    ]
    if differing:
        raise InputError(
            f"train.init_from: {name} is another network: {'; '.join(differing)}; "
            f"set them alike ({' and '.join(_WIDTHS)} of the paper's network may be "
            "multiples)"
        )


def _widens(field: str, narrow: object, model: ModelConfig) -> bool:
    """Whether a setting is a multiple of what it was, and channels may be repeated.

    They may not where GroupNorm puts them in groups, and it was not tried with other
    blocks and trunks, some of which join channels or share kernels.
    """
    paper = model.variant, model.trunk, model.norm
    if field not in _WIDTHS or paper != ("newell", "hourglass", "batch"):
        return False
    assert isinstance(narrow, int)
    return int(getattr(model, field)) % narrow == 0


def _widen(source: np.ndarray, drawn: np.ndarray, keypoints: int | None) -> np.ndarray:
    """An array of a network for one that has each of its channels several times.

    Copies of a channel share the weight with which it is read, so that the wide network
    answers as the narrow one did (Chen, Goodfellow, Shlens 2016, arXiv:1511.05641). The
    shares differ with the reader: copies that are read alike would learn alike.

    Args:
      source: what was learnt; a kernel is [... height width in out].
      drawn: the wide network's array, from which the shares follow. It may have other
        keypoints.
      keypoints: the axis with an entry a keypoint, which is not repeated.
    """
    times = [
        1 if axis == keypoints else n // source.shape[axis]
        for axis, n in enumerate(drawn.shape)
    ]
    wide = source
    for axis, count in enumerate(times):
        wide = np.repeat(wide, count, axis)
    is_kernel = source.ndim >= 4
    if not is_kernel or times[-2] == 1:
        return wide
    if keypoints is not None:
        entries = range(source.shape[keypoints])
        drawn = drawn.take(entries, keypoints, mode="wrap")
    weights = 1 + 0.5 * drawn / np.abs(drawn).max()
    weights = weights.reshape(-1, times[-2], wide.shape[-1])
    shares = weights / weights.sum(axis=1, keepdims=True)
    return wide * shares.reshape(wide.shape)


def _keypoint_axes(
    net: StackedHourglass, side: int
) -> dict[tuple[str, ...], int | None]:
    """Along which axis each array has an entry a keypoint, if along any."""
    more = net.clone(keypoints=net.keypoints + 1)
    shapes, others = (
        flax.traverse_util.flatten_dict(variable_shapes(each, side))
        for each in (net, more)
    )
    return {
        path: next(
            (
                axis
                for axis, n in enumerate(leaf.shape)
                if n != others[path].shape[axis]
            ),
            None,
        )
        for path, leaf in shapes.items()
    }


def _take(
    source: np.ndarray, drawn: np.ndarray, axis: int | None, places: Sequence[int]
) -> np.ndarray:
    """The learnt array, with the entries along ``axis`` in their places."""
    if axis is None:
        return source
    taken = np.moveaxis(drawn.copy(), axis, 0)
    rows = np.moveaxis(source, axis, 0)
    for i, place in enumerate(places):
        if place >= 0:
            taken[i] = rows[place]
    return np.moveaxis(taken, 0, axis)
