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

SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
VENV := .venv
BIN := $(VENV)/$(SCRIPTS)
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench_ready
DOCS_READY := $(VENV)/.docs_ready

LOWEST := .venv-lowest
LOWEST_BIN := $(LOWEST)/$(SCRIPTS)
NIGHTLY := .venv-nightly
NIGHTLY_BIN := $(NIGHTLY)/$(SCRIPTS)
NIGHTLY_TORCH := https://download.pytorch.org/whl/nightly/cpu
NIGHTLY_WHEELS := https://pypi.anaconda.org/scientific-python-nightly-wheels/simple

INSTALL := -m pip --disable-pip-version-check install --quiet
PINNED := $(INSTALL) -c constraints.txt
PIP := $(BIN)/python $(PINNED)
PACKAGE := --editable ".[cli,dask,onnx,plot]"
RUN_TESTS := -m pytest -n 2 --dist worksteal

.PHONY: demo newcomer test checks coverage test-lowest test-nightly bench docs check-site
.PHONY: lint format wheel check-release clean

demo: $(READY)
	$(BIN)/python examples/demo.py $(if $(DATA),--data "$(DATA)")

# The first ten minutes with the package, in an empty folder.
newcomer: $(READY)
	rm -rf newcomer_output && mkdir newcomer_output
	cd newcomer_output && ../$(BIN)/python ../.ci/newcomer.py

# Two workers share two cores: with two threads each they would wait for one another.
test: $(READY)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python $(RUN_TESTS)

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
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(LOWEST_BIN)/python $(RUN_TESTS)

# The same tests with the versions of PyTorch and scikit-learn that are not released yet.
test-nightly: $(NIGHTLY)/.ready
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(NIGHTLY_BIN)/python $(RUN_TESTS)

# The full run takes about an hour and a half, and wants a quiet machine.
bench: $(BENCH_READY)
	$(BIN)/python examples/benchmarks/run.py \
	  $(if $(DATA),--data "$(DATA)") $(if $(QUICK),--quick,--out docs)

# The site, into docs/_build/html; the course runs on the 8x8 digits, or on DATA. No
# network is needed, and a warning is an error.
docs: $(DOCS_READY)
	MPLBACKEND=agg SKLEARN_DIGITS_DATA="$(DATA)" OMP_WAIT_POLICY=passive \
	  $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# The links of the site, and its pages in the Chromium or Chrome of the system.
check-site: $(READY)
	$(BIN)/python .ci/check_site.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell $$(git ls-files)
	$(BIN)/python .ci/check_words.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The source distribution, and the wheel that is built from it. With the date of the last
# commit and a pinned builder, two builds of one commit give the same bytes.
wheel: $(READY)
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) PIP_CONSTRAINT="$(CURDIR)/constraints.txt" \
	  $(BIN)/python -m build --outdir dist

# Whether TAG, for example v0.1.0, is the version of the package and of the changelog.
check-release:
	$(PYTHON) .ci/check_release.py "$(TAG)"

clean:
	rm -rf $(VENV) $(LOWEST) $(NIGHTLY) dist demo_output bench_output newcomer_output
	rm -rf docs/_build docs/api docs/course .coverage .coverage.*

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV); PyTorch makes this take a few minutes the first time."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip
	$(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) torch)
	$(PIP) $(PACKAGE) --group dev
	@touch $@

$(LOWEST)/.ready: pyproject.toml constraints.txt .ci/lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST_BIN)/python $(PINNED) pip
	$(if $(TORCH_INDEX),$(LOWEST_BIN)/python $(PINNED) --index-url $(TORCH_INDEX) torch)
	$(LOWEST_BIN)/python $(PINNED) $(PACKAGE) --group test
	$(LOWEST_BIN)/python $(INSTALL) -r .ci/lowest.txt
	$(LOWEST_BIN)/python -m pip check
	@touch $@

$(NIGHTLY)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(NIGHTLY)
	$(NIGHTLY_BIN)/python $(PINNED) pip
	$(NIGHTLY_BIN)/python $(INSTALL) --pre --index-url $(NIGHTLY_TORCH) torch
	$(NIGHTLY_BIN)/python $(INSTALL) $(PACKAGE) --group test
	$(NIGHTLY_BIN)/python $(INSTALL) --pre --upgrade --no-deps --index-url $(NIGHTLY_WHEELS) \
	  scikit-learn
	@touch $@

$(BENCH_READY): $(READY)
	$(PIP) --group bench
	@touch $@

$(DOCS_READY): $(READY)
	$(PIP) --group docs
	@touch $@
