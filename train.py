"""Train: python train.py --config configs/lspet_hg2.py --workdir runs/hg2.

The same as `hourglass train`; see `hourglass train --help`.
"""

import sys

from hourglass_jax.cli import run

if __name__ == "__main__":
    run(["train", *sys.argv[1:]])
