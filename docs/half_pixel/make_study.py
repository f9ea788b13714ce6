"""Measure what half a pixel is worth: python docs/half_pixel/make_study.py MPII_FOLDER.

MPII_FOLDER holds princeton's valid.h5, detections_our_format.mat and a folder
predictions/ with hg_s1_b1.mat and hg_s2_b1.mat, the published predictions of two
networks of bearpaw. Writes study.json, README.md and three pictures beside this file.
"""

import datetime
import json
import platform
import sys
from pathlib import Path

import h5py
import jax
import jaxlib
import numpy as np
from encode_decode import KEYPOINTS, measure_decoders, sweep_cell
from pictures import draw_cell, draw_decoders, draw_shifts
from ports import measure_ports
from published import measure_published
from text import write_text

import hourglass_jax

HERE = Path(__file__).parent
SEED = 0


def main(folder: str) -> None:
    """Measure, draw and write."""
    mpii = Path(folder)
    with h5py.File(mpii / "valid.h5") as file:
        centers, sides = file["center"][:], 200.0 * file["scale"][:]
    cells = sides / 64
    study = {
        **_about(),
        "photograph_pixels_a_cell": float(np.median(cells)),
        "keypoints": KEYPOINTS,
        "encode_decode": measure_decoders(SEED),
        "ports": measure_ports(centers, sides, SEED),
        "published": measure_published(mpii, cells, SEED),
    }
    (HERE / "study.json").write_text(json.dumps(study, indent=1) + "\n")
    draw_cell(sweep_cell(), HERE / "cell.png")
    draw_decoders(study["encode_decode"], HERE / "decoders.png")
    draw_shifts(study["published"], HERE / "shifts.png")
    (HERE / "README.md").write_text(write_text(study))


def _about() -> dict:
    return {
        "date": datetime.date.today().isoformat(),
        "device": f"{jax.devices()[0].device_kind} ({platform.machine()})",
        "versions": {
            "hourglass_jax": hourglass_jax.__version__,
            "python": platform.python_version(),
            "jax": jax.__version__,
            "jaxlib": jaxlib.__version__,
            "numpy": np.__version__,
        },
        "seed": SEED,
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
