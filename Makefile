# kubekit. Two commands do everything on a fresh machine: `make lab` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# More than the cores: many tests wait for real programs.
WORKERS ?= 3
STAMP := $(VENV)/.installed
# JupyterLab refuses root unless told otherwise; in a container root is often the only user there is.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab test bench lint format course coverage screenshots clean

# Every target works in .venv; it is made again when the dependencies change.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

lab: $(STAMP)  ## JupyterLab on the first chapter; `make lab ARGS=--no-browser` without opening a window
	$(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir=$(CURDIR) $(ARGS) labs/00-start-here.ipynb

lint: $(STAMP)
	$(BIN)/ruff check kubekit tests benchmarks docs
	$(BIN)/ruff format --check kubekit tests benchmarks docs
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix kubekit tests benchmarks docs
	$(BIN)/ruff format kubekit tests benchmarks docs

test: lint  ## everything that needs no root
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval --nbval-cell-timeout=60 -p no:cacheprovider solutions
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval-lax --nbval-cell-timeout=60 -p no:cacheprovider labs

bench: $(STAMP)  ## measured, never asserted
	$(BIN)/python -m benchmarks

course: $(STAMP)  ## build labs/ and solutions/ from the chapters' sources
	$(BIN)/python -m kubekit.course.builder

coverage: $(STAMP)  ## replay all recordings, write docs/coverage.md, raise the thresholds
	$(BIN)/python -m tests.conformance.coverage

screenshots: $(STAMP)  ## the pictures of README and docs, taken in a headless Chromium
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
