# Two entry points: make quickstart, make test. Both make .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup quickstart test lint bench bench-peers lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed: make PYTHON=python3.11" >&2; exit 1; }
	@echo "installing the versions of requirements.lock into .venv: 2 GB, up to 5 minutes, once"
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The times below were measured on two cores of an Intel Xeon.
quickstart: setup
	@echo "simulating a small log of impressions: 5 seconds"
	$(BIN)/ctrbench prepare quickstart
	@echo "training nine jobs (plain, ICL and AQCL, three seeds each): 3 minutes"
	$(BIN)/ctrbench run quickstart

test: lint
	$(BIN)/python -m pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Needs two datasets: ctrbench prepare amazon-beauty; ctrbench prepare oncold-sim --scale 0.01
bench: setup
	$(BIN)/python -m tests.benchmarks

# Needs the same dataset. Installs FuxiCTR, DeepCTR-Torch, torch-rechub, RecBole and metric libraries into environments
# under build/peers: 8 GB, once.
bench-peers: setup
	$(BIN)/python -m tests.benchmarks.peers

# Writes the exact versions that everybody gets; run it after changing the dependencies in pyproject.toml.
lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/pip install --quiet torch==2.13.0 hatchling editables
	build/lock/bin/pip install --quiet '.[dev]'
	build/lock/bin/pip freeze --exclude ctrbench | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
