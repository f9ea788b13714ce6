# Every target does its own set-up; `make help` lists them.
# Another interpreter: make test PYTHON=python3.12 VENV=.venv312

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := runs/demo

# The locks in requirements/ are named after the interpreter and platform they were
# resolved for. Elsewhere the bounds in pyproject.toml decide, and LOCK is empty.
TAG = $(shell $(PYTHON) -c 'import sys, sysconfig; \
	print("py%d%d-%s" % (sys.version_info[:2] + (sysconfig.get_platform(),)))')
LOCK = $(wildcard requirements/$(TAG).txt)

.PHONY: help setup demo people people-folders test check lint type lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1 \t/p' $(MAKEFILE_LIST)

setup: $(READY)  ## virtual environment with everything installed

$(READY): pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "hourglass_jax needs Python 3.11 or newer, not %d.%d: make PYTHON=python3.12" \
	  % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(if $(LOCK),$(BIN)/pip install --quiet --require-hashes --requirement $(LOCK))
	$(BIN)/pip install --quiet $(if $(LOCK),--no-deps --no-build-isolation) --editable '.[dev]'
	@# Its pins contradict tyro's and chex's, but what it pins is never imported.
	$(BIN)/pip install --quiet --no-deps litert-converter==0.5.0
	@touch $@

demo: setup  ## train on synthetic people, score, name a picture: 10 minutes
	$(BIN)/hourglass train --config configs/synthetic_demo.py --workdir $(DEMO)
	$(BIN)/hourglass evaluate $(DEMO) --dataset synthetic_people --flip
	@echo "Look at $$(ls $(DEMO)/pictures/*.png | tail -n 1)"

people: people-folders setup  ## train hg-people-small anew: LSPET=FOLDER STUDIO=FOLDER, hours
	$(BIN)/python train.py --config configs/lspet_small.py --workdir runs/lspet_small \
	  --data.raw-dir $(LSPET)
	$(BIN)/python train.py --config configs/hg_people_small.py \
	  --workdir runs/hg_people_small --train.init-from runs/lspet_small \
	  --data.raw-dir $(LSPET) --data.also.0.raw-dir $(STUDIO)

people-folders:
	@$(if $(and $(LSPET),$(STUDIO)),,$(error expected make people LSPET=FOLDER \
	  STUDIO=FOLDER, see docs/models/hg-people-small.md))

test: setup  ## the tests that are not slow: under 8 minutes
	$(BIN)/pytest -m "not slow"

check: lint type  ## lint, types and every test
	$(BIN)/pytest

lint: setup  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: setup  ## mypy
	$(BIN)/mypy

lock: setup  ## resolve requirements/*.txt anew from pyproject.toml
	$(BIN)/pip install --quiet uv
	for v in 11 13; do \
	  $(BIN)/uv pip compile pyproject.toml --extra dev --upgrade --quiet \
	    --generate-hashes --no-annotate --custom-compile-command "make lock" \
	    --python-version 3.$$v --python-platform x86_64-manylinux_2_28 \
	    --output-file requirements/py3$$v-linux-x86_64.txt || exit 1; \
	done

clean:  ## remove what the targets made, runs/ excepted
	rm -rf .venv* .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
