"""Make the table of docs/networks.md: python docs/make_networks_table.py [--latency].

Sizes are counted from the networks' own programs; `--latency` times one image in
float32, too, each network in its turn, the median of nine. The figures are kept in
docs/results/networks.json.
"""

import argparse
import datetime
import json
import platform
import re
import statistics
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp

from hourglass_jax.diagnosis.cost import (
    count_parameters,
    count_products,
    variable_shapes,
)
from hourglass_jax.models import StackedHourglass, init

DOCS = Path(__file__).parent
SIZE = (256, 256)
CORNER = {"variant": "corner", "depth": 5, "blocks": 2, "stem_width": 128}

NETWORKS = {
    "8 stacks (the paper)": {"stacks": 8},
    "8 stacks, bearpaw's stem": {"stacks": 8, "stem": "bearpaw"},
    "4 stacks of 2 blocks": {"stacks": 4, "blocks": 2},
    "2 stacks of 4 blocks": {"stacks": 2, "blocks": 4},
    "1 deep hourglass": {"stacks": 1, "blocks": 8},
    "1 deep, supervised inside": {"stacks": 1, "blocks": 8, "supervise": "inside"},
    "2 stacks": {"stacks": 2},
    "2 stacks, FPN": {"stacks": 2, "trunk": "fpn"},
    "2 stacks, U-Net": {"stacks": 2, "trunk": "unet"},
    "2 stacks, rectified Gaussian": {"stacks": 2, "trunk": "rectified_gaussian"},
    "FAN": {"stacks": 4, "keypoints": 68, "variant": "fan"},
    "hourglass-52": {"stacks": 1, "keypoints": 17} | CORNER,
    "Hourglass-104": {"stacks": 2, "keypoints": 17} | CORNER,
    "CenterNet": {"stacks": 2, "keypoints": 17} | CORNER | {"variant": "centernet"},
}
"""What each sets, beside 256 features and 16 keypoints."""


def main() -> None:
    """Count, time if asked to, and write the figures and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", action="store_true")
    latency = parser.parse_args().latency
    rows = {}
    for name, settings in NETWORKS.items():
        net = StackedHourglass(**{"features": 256, "keypoints": 16} | settings)
        rows[name] = {
            "settings": settings,
            "parameters": count_parameters(variable_shapes(net, SIZE)).total(),
            "multiply_adds": count_products(net, SIZE).total(),
        }
        if latency:
            rows[name]["latency_ms"] = _latency(net)
        print(name, rows[name], flush=True)
    device = f"{jax.devices()[0].device_kind}, {platform.machine()}"
    about = {"device": device, "jax": jax.__version__, "size": SIZE}
    about["date"] = datetime.date.today().isoformat()
    kept = json.dumps({"about": about, "networks": rows}, indent=1)
    (DOCS / "results" / "networks.json").write_text(kept + "\n")
    page = DOCS / "networks.md"
    between = r"(?s)(<!-- table -->\n).*(<!-- end -->)"
    page.write_text(re.sub(between, rf"\1{_table(rows, latency)}\2", page.read_text()))


def _latency(net: StackedHourglass) -> float:
    images = jnp.zeros((1, *SIZE, 3))
    apply = jax.jit(partial(net.apply, train=False))
    variables = init(net, jax.random.key(0))
    times = []
    for _ in range(10):
        began = time.perf_counter()
        jax.block_until_ready(apply(variables, images))
        times.append(time.perf_counter() - began)
    return round(1e3 * statistics.median(times[1:]), 1)


def _table(rows: dict, latency: bool) -> str:
    head = ["network", "set", "parameters", "GMAC", *["ms"] * latency]
    lines = [head, ["---"] * len(head)]
    for name, row in rows.items():
        settings = ", ".join(f"`{k}={v!r}`" for k, v in row["settings"].items())
        sizes = [f"{row['parameters']:,}", f"{row['multiply_adds'] / 1e9:.3f}"]
        lines.append(
            [name, settings, *sizes, *([row["latency_ms"]] if latency else [])]
        )
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


if __name__ == "__main__":
    main()
