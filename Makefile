# Two commands: `make demo` and `make test`. Both set up .venv first, once.

PYTHON ?= python3
# Where PyTorch comes from; empty is PyPI. The CPU-only builds:
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# A folder with MNIST's IDX files; empty is the 8x8 digits of scikit-learn.
DATA ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test lint wheel clean

demo: $(READY)
	$(BIN)/python examples/demo.py $(if $(DATA),--data "$(DATA)")

# Two workers share the cores: threads that wait must not keep one busy.
test: $(READY)
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(READY)
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) dist demo_output

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV); PyTorch makes this take a few minutes the first time."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) torch)
	$(PIP) --editable ".[dev]"
	@touch $@
