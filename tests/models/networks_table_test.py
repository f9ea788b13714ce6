"""The table of docs/networks.md says what the networks are."""

import json
from pathlib import Path

import pytest

from hourglass_jax.models import StackedHourglass

DOCS = Path(__file__).parents[2] / "docs"
NETWORKS = json.loads((DOCS / "results" / "networks.json").read_text())["networks"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parameters_are_those_of_the_table(name, parameters):
    row = NETWORKS[name]
    settings = {"features": 256, "keypoints": 16} | row["settings"]
    assert parameters(StackedHourglass(**settings)) == row["parameters"]
    lines = (DOCS / "networks.md").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {name} |"))
    assert f"| {row['parameters']:,} | {row['multiply_adds'] / 1e9:.3f} |" in line
