# One target a verb; `make help` prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BUILD_VENV := .venv-build
DEMO_VENV := .venv-demo
SNOWFLAKE_VENV := .venv-snowflake
SNOWFLAKE_STAMP := $(SNOWFLAKE_VENV)/.installed
DBT_VENV := .venv-dbt
DBT_STAMP := $(DBT_VENV)/.installed
DEMO_STAMP := $(DEMO_VENV)/.installed
PINS := .ci/requirements
# The extras with the drivers of warehouses.
WAREHOUSES := postgres snowflake bigquery spark flightsql
INSTALL_PINNED := -m pip install --quiet --require-hashes --only-binary :all:
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command 'make lock'
# One more than there are processors, because some tests wait.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)

# A worker that has none left takes tests from another: until then, what neighbours share is made by one worker.
PARALLEL := -n $(WORKERS) --dist worksteal

# Rewriting the tests' assertions takes every worker of every target seconds, unless it was written down once.
unexport PYTHONDONTWRITEBYTECODE

HISTORIES ?= 100

.DEFAULT_GOAL := help
.PHONY: help demo screenshots test test-browser test-chaos test-dbt test-snowflake test-slow chaos bench check format record lock dist clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

# Only what runs: the developers' packages take five times as much room. Of the data set's package the files are read
# and nothing is imported, so that pandas and what else it asks for are left out. Of what pip says, errors are shown.
$(DEMO_STAMP): pyproject.toml $(PINS)/serve.txt $(PINS)/report.txt $(PINS)/demo-data.txt
	@echo 'Installing Headcount into $(DEMO_VENV), once: 0.2 GB, about a minute.'
	@test -x $(DEMO_VENV)/bin/python || $(PYTHON) -m venv $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python $(INSTALL_PINNED) --quiet --requirement $(PINS)/serve.txt
	@$(DEMO_VENV)/bin/python $(INSTALL_PINNED) --quiet --requirement $(PINS)/report.txt
	@$(DEMO_VENV)/bin/python $(INSTALL_PINNED) --quiet --no-deps --requirement $(PINS)/demo-data.txt
	@$(DEMO_VENV)/bin/python $(INSTALL_PINNED) --quiet --requirement $(PINS)/build.txt
	@$(DEMO_VENV)/bin/python -m pip install --quiet --quiet --no-deps --no-index --no-build-isolation --editable .
	@touch $(DEMO_STAMP)

demo: $(DEMO_STAMP) ## run the main job on real data against a local sandbox
	@$(DEMO_VENV)/bin/python scripts/demo.py

test: $(STAMP) ## run the tests, but for slow ones, database servers and dying runs
	@$(BIN)/python -m pytest $(PARALLEL) -m 'not slow and not warehouse and not chaos and not dbt and not snowflake and not browser'

test-slow: $(STAMP) ## run the slow tests, among them those with a real Postgres and a real Spark Connect server
	@$(BIN)/python -m pytest $(PARALLEL) -m '(slow or warehouse) and not chaos and not dbt and not snowflake and not browser'

# dbt asks for packages in versions of its own.
$(DBT_STAMP): Makefile
	@test -x $(DBT_VENV)/bin/python || $(PYTHON) -m venv $(DBT_VENV)
	@$(DBT_VENV)/bin/python -m pip install --quiet --only-binary :all: 'dbt-core>=1.9,<1.10' 'dbt-postgres>=1.9,<1.10'
	@touch $(DBT_STAMP)

test-dbt: $(STAMP) $(DBT_STAMP) ## run the tests with a real dbt project
	@HEADCOUNT_DBT="$(CURDIR)/$(DBT_VENV)/bin/dbt" $(BIN)/python -m pytest -m dbt

test-chaos: $(STAMP) ## run the tests of dying runs, one kind of death after the other
	@$(BIN)/python -m pytest $(PARALLEL) -m chaos

# What it asks for stands against what Headcount asks for, so that it has an environment of its own.
$(SNOWFLAKE_STAMP): pyproject.toml
	@test -x $(SNOWFLAKE_VENV)/bin/python || $(PYTHON) -m venv $(SNOWFLAKE_VENV)
	@$(SNOWFLAKE_VENV)/bin/python -m pip install --quiet 'fakesnow[server]>=0.12,<1' 'snowflake-connector-python<5'
	@touch $(SNOWFLAKE_STAMP)

test-snowflake: $(STAMP) $(SNOWFLAKE_STAMP) ## run the tests of segments that a stand-in for Snowflake runs
	@FAKESNOW=$(SNOWFLAKE_VENV)/bin/fakesnow $(BIN)/python -m pytest -m snowflake

test-browser: $(STAMP) ## run the tests that look at a report in Chromium
	@$(BIN)/python -m pytest -m browser

screenshots: $(STAMP) ## draw the pictures of the example's report in docs/pictures again, with Chromium
	@$(BIN)/python scripts/screenshots.py

chaos: $(STAMP) ## play HISTORIES random histories of dying runs, then as many with the state in a bucket
	@$(BIN)/python -m tests.chaos --histories $(HISTORIES)
	@$(BIN)/python -m tests.chaos --histories $(HISTORIES) --bucket

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

lock: $(STAMP) ## pin again, by version and hash, what is installed to build and to run Headcount
	@$(BIN)/python -m pip install --quiet 'uv>=0.9,<1'
	@printf '%s\n' 'hatchling>=1.27' 'editables>=0.5' | $(LOCK) --output-file $(PINS)/build.txt -
	@$(LOCK) --extra remote --output-file $(PINS)/remote.txt pyproject.toml
	@$(LOCK) --extra remote --extra serve --extra sandbox --output-file $(PINS)/serve.txt pyproject.toml
	@$(LOCK) --extra remote --extra report --constraint $(PINS)/serve.txt --output-file $(PINS)/report.txt pyproject.toml
	@for one in $(WAREHOUSES); do $(LOCK) --extra remote --extra $$one --output-file $(PINS)/$$one.txt pyproject.toml; done

dist: ## build what a release holds into dist/: wheel, sources, requirements with hashes
	@test -x $(BUILD_VENV)/bin/python || $(PYTHON) -m venv $(BUILD_VENV)
	@$(BUILD_VENV)/bin/python $(INSTALL_PINNED) --requirement $(PINS)/build.txt
	@$(BUILD_VENV)/bin/python scripts/dist.py

clean: ## remove the environment and everything generated
	@rm -rf $(VENV) $(BUILD_VENV) $(DEMO_VENV) $(DBT_VENV) $(SNOWFLAKE_VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis demo data
