# Two commands do everything on a fresh machine with Python >= 3.10:
#   make bench   measure the quick suite here and write the report
#   make test    pass all tests
# PYTHON=python3.12 chooses the interpreter; the environment is made once in .venv and kept.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: bench test test-prepare test-legacy test-arm64 lint docs screenshots clean

bench: $(VENV)/.installed
	$(BIN)/edgebench run quick
	@echo "next: source $(BIN)/activate, then: edgebench run my.onnx (or without activating: $(BIN)/edgebench run my.onnx)"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist worksteal

# Tests of what needs torch and the converters, in an environment of its own. anyio comes with the converters; its
# pytest plug-in warns when it is loaded, and warnings are errors here. torch first, so that nothing takes another one.
test-prepare: .venv-prepare/.installed
	.venv-prepare/bin/python -m pytest -n auto --dist worksteal -m prepare -p no:anyio tests

# Tests on tflite-runtime in place of its successor, in an environment of its own; says so where no Python fits.
test-legacy:
	@PYTHON=$(PYTHON) tests/legacy/run.sh

# The aarch64 wheels and the tests in an emulated Debian; needs root, says so where it cannot run.
test-arm64:
	@tests/arm64/run.sh

# Pictures of the documentation from a real run: make screenshots RUN=runs/latest
RUN ?= runs/latest
screenshots: $(VENV)/.installed-dev
	$(BIN)/python tests/ui/screenshots.py $(RUN)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "edgebench needs Python 3.10 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo "the venv module is missing: sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# Everything that the README shows, --compress of an .onnx file included.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[all,compress]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed

.venv-prepare/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-prepare
	.venv-prepare/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-prepare/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,prepare,convert-ncnn,tensorflow]'
	@touch $@

# The site of the documentation in build/docs/index.html, in an environment of its own; every warning is an error,
# and so is each fault that docs/check_site.py finds in the pages.
docs: .venv-docs/.installed
	.venv-docs/bin/zensical build --clean --strict
	.venv-docs/bin/python docs/check_site.py build/docs

.venv-docs/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check 'zensical>=0.0.73' 'mkdocstrings-python>=2'
	@touch $@

clean:
	rm -rf .venv .venv-docs .venv-prepare .venv-legacy .venv-other build
