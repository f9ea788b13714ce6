"""What every test runs under, and what several rooms share."""

import os
from pathlib import Path

import hypothesis
import jax
import jaxtyping
import pytest

# Every shape and type in the package's signatures is checked, in tests only. As for
# mypy, an int will do where a float is asked for.
jaxtyping.install_import_hook(
    "hourglass_jax",
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# Tests leave nothing in the user's home, and each compiles its own programs.
os.environ["HOURGLASS_COMPILE_CACHE"] = "off"

# (b, k) + (k,) is more often a mistake than meant: write the axis out.
jax.config.update("jax_numpy_rank_promotion", "raise")

# The same examples on every run, however slow the machine.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None
)
hypothesis.settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and annotations, which are not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real photographs are not at hand: no folder {SHARED_DATA}")
    return SHARED_DATA
