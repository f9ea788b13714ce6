"""Trained networks read from where they are kept."""

from pathlib import Path

from hourglass_jax.data.schema import BOX_PADDING
from hourglass_jax.errors import InputError
from hourglass_jax.inference.card import ModelCard, provenance
from hourglass_jax.inference.export import read_export
from hourglass_jax.inference.released import find_released
from hourglass_jax.models.hourglass import Variables


def read_model(path: Path) -> tuple[ModelCard, Variables]:
    """Read a workdir, a checkpoint, an exported folder, or a released model's name.

    Raises:
      InputError: it is none of them, or cannot be used.
    """
    if not path.exists():
        path = find_released(str(path))
    if (path / "model.json").exists():
        return read_export(path)
    if (path / "params").is_dir():
        raise InputError(f"model: {path} lacks model.json; export the model again")
    return _read_workdir(path)


def _read_workdir(path: Path) -> tuple[ModelCard, Variables]:
    # Training predicts, too: imported above, the two rooms would wait for each other.
    from hourglass_jax.training import restore_variables

    variables, step, config, skeleton = restore_variables(path)
    card = ModelCard(
        model=config.model,
        skeleton=skeleton,
        input_size=(config.data.input_size, config.data.input_size),
        box_padding=BOX_PADDING,
        decoder=config.target.decoder,
        sigma_hm=config.target.sigma_hm,
        training=provenance(path, config, step),
    )
    return card, variables
