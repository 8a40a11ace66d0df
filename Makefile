# Every verb of the project; `make help` lists them.
#
# Which torch: TORCH=cpu (default), TORCH=cuda, or TORCH=rocm with TORCH_INDEX=<URL of PyTorch's ROCm index>.
# TORCH_INDEX works with every choice, for those who want another build than their package index offers.

PYTHON ?= python3
VENV ?= .venv
TORCH ?= cpu
TORCH_INDEX ?=
PORT ?= 8034

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(TORCH)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
INDEX := $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX),)

# A worker per core, a file of tests at a time; each may hold a server, a model and a browser.
SPREAD := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# One thread by default: two OpenMP threads on a busy small machine are slower than one.
export OMP_NUM_THREADS ?= 1

torch_cpu := torch==2.13.0
torch_cuda := torch
torch_rocm := torch

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-foreign test-ray check lint cover torture conformance screenshots fmt bench bench-engine train-tiny clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv with everything, development tools included (TORCH=cpu|cuda|rocm)

$(STAMP): pyproject.toml
	@$(if $(torch_$(TORCH)),,$(error TORCH=$(TORCH) is unknown; choose cpu, cuda or rocm))
	@$(if $(filter rocm,$(TORCH)),$(if $(TORCH_INDEX),,$(error TORCH=rocm needs TORCH_INDEX=<URL of PyTorch's ROCm index>, which PyTorch's install page names)))
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
		|| { echo "Python 3.11 to 3.14 is needed; $(PYTHON) is $$($(PYTHON) -V). Choose one: make setup PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (torch for $(TORCH)); the first time takes some minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) $(INDEX) '$(torch_$(TORCH))'
	@$(PIP) --editable '.[engine,dev]'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: setup ## try the chat page and the API on http://127.0.0.1:8034: no key, no GPU
	@$(BIN)/limner demo --port $(PORT)

test: setup ## run every test that needs no GPU, network or key
	@$(BIN)/python -m pytest $(SPREAD)

check: lint cover ## lint, and full coverage of the pure core

lint: setup ## format, style, types and floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

cover: setup ## show that core and wire are tested to the last branch
	@$(BIN)/python -m pytest -q --no-header $(SPREAD) --cov tests/core tests/wire

torture: setup ## kill servers, cut their power and fill their disk, all of it (some half an hour)
	@LIMNER_TORTURE=1 $(BIN)/python -m pytest -q -s -m torture tests/torture
	@LIMNER_TORTURE=1 $(BIN)/python -m pytest -q tests/store/test_response_life.py tests/store/test_jobs_lifecycle.py

test-ray: setup ## paint by two replicas on a Ray of this machine (installs Ray, 240 MB)
	@$(PIP) --editable '.[engine,dev,ray]'
	@LIMNER_RAY=1 $(BIN)/python -m pytest -q -m ray tests/ray

test-foreign: setup ## try servers and a vocabulary that others wrote (installed under .cache)
	@$(BIN)/python -m tests.foreign.install
	@$(BIN)/python -m pytest -q tests/foreign tests/app/test_vocabulary.py

conformance: setup ## play every scenario over every kind of upstream, and write the table of the docs
	@$(BIN)/python -m tests.conformance.page

screenshots: setup ## take the pictures of the chat page that the documents show (needs Chromium)
	@$(BIN)/python -m tests.web.screenshots

fmt: setup ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## print every published figure (some twenty minutes)
	@for script in benchmarks/[a-z]*.py; do echo; echo "== $$script"; $(BIN)/python $$script || exit 1; done

bench-engine: setup ## measure the engine on the CPU, and on a GPU where there is one (some ten minutes)
	@mkdir -p .cache
	@$(BIN)/python benchmarks/engine.py --json .cache/engine.json --plot .cache/engine.svg
	@echo "All figures: .cache/engine.json; a chart: .cache/engine.svg"

train-tiny: setup ## train the shipped tiny model again from nothing; resumes where it stopped
	@$(BIN)/python -m training

clean: ## remove the virtual environment and all caches
	@rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* .import_linter_cache
