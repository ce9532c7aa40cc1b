# `make demo`, `make test`, `make checks`, `make bench`, `make docs`: each sets up .venv
# first, once.

PYTHON ?= python3
# Where PyTorch comes from; empty is PyPI. The CPU-only builds:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# A folder with MNIST's IDX files; empty is the 8x8 digits of scikit-learn.
DATA ?=

# Anything here runs the benchmarks on few rows, in two minutes, into bench_output/.
QUICK ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench_ready
DOCS_READY := $(VENV)/.docs_ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

LOWEST := .venv-lowest

.PHONY: demo test checks coverage test-lowest bench docs lint wheel clean

demo: $(READY)
	$(BIN)/python examples/demo.py $(if $(DATA),--data "$(DATA)")

# Two workers share two cores: with two threads each they would wait for one another.
test: $(READY)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist worksteal

# What takes minutes: servers that are killed, threads, long random sequences.
checks: $(READY)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest checks -n 2 --dist worksteal

# The lines of the package that no test runs.
coverage: $(READY)
	rm -f .coverage .coverage.*
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive \
	  $(BIN)/python -m coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# The same tests with the lowest versions that pyproject.toml allows.
test-lowest: $(LOWEST)/.ready
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(LOWEST)/bin/python -m pytest -n 2 --dist worksteal

# The full run takes about an hour and a half, and wants a quiet machine.
bench: $(BENCH_READY)
	$(BIN)/python examples/benchmarks/run.py \
	  $(if $(DATA),--data "$(DATA)") $(if $(QUICK),--quick,--out docs)

# The site, into docs/_build/html; the course runs on the 8x8 digits, or on DATA. No
# network is needed, and a warning is an error.
docs: $(DOCS_READY)
	MPLBACKEND=agg SKLEARN_DIGITS_DATA="$(DATA)" OMP_WAIT_POLICY=passive \
	  $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(READY)
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) $(LOWEST) dist demo_output bench_output
	rm -rf docs/_build docs/api docs/course .coverage .coverage.*

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV); PyTorch makes this take a few minutes the first time."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) torch)
	$(PIP) --editable ".[dev]"
	@touch $@

$(LOWEST)/.ready: pyproject.toml constraints.txt .ci/lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(if $(TORCH_INDEX),$(LOWEST)/bin/python -m pip install --quiet -c constraints.txt --index-url $(TORCH_INDEX) torch)
	$(LOWEST)/bin/python -m pip install --quiet -c constraints.txt --editable ".[test]"
	$(LOWEST)/bin/python -m pip install --quiet -r .ci/lowest.txt
	$(LOWEST)/bin/python -m pip check
	@touch $@

$(BENCH_READY): $(READY)
	$(PIP) --editable ".[bench]"
	@touch $@

$(DOCS_READY): $(READY)
	$(PIP) --editable ".[docs]"
	@touch $@
