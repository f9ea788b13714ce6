"""Train: python train.py --config configs/mpii_hg8.py --workdir runs/hg8.

The same as `hourglass train`; see `hourglass train --help`.
"""

import sys

from hourglass_jax.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
