# One target a verb; `make help` prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One more than there are processors, because some tests wait.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)

.DEFAULT_GOAL := help
.PHONY: help demo test chaos bench check format record clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable '.[dev,demo,sandbox]'
	@touch $(STAMP)

demo: $(STAMP) ## run the main job on real data against a local sandbox
	@$(BIN)/python scripts/demo.py

test: $(STAMP) ## run all tests
	@$(BIN)/python -m pytest -n $(WORKERS)

chaos: $(STAMP) ## play long random histories of dying runs
	@$(BIN)/python -m tests.chaos

bench: $(STAMP) ## measure against DuckDB's limits and other tools
	@$(BIN)/python -m bench

check: $(STAMP) ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

record: $(STAMP) ## record the cassettes again, from Criteo with your credentials or FROM=sandbox
	@$(BIN)/python scripts/record.py $(if $(filter sandbox,$(FROM)),--sandbox)

clean: ## remove the environment and everything generated
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis demo data
