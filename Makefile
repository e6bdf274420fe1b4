# Every target works from a clean clone: what it needs is installed into .venv first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name) >/dev/null && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
STAGE1 := $(BIN)/stage1
TOOL := .venv/.tool-installed
DEV := .venv/.development-installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Bytecode is compiled when it is first imported: half a minute less before the first answer.
export PIP_NO_COMPILE := 1

.PHONY: help setup demo data migrate status validate smoke backup test test/long test/versions lint types contracts verify generate check seal format benchmark clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z\/-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(TOOL): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or later was found; install one, or run: make PYTHON=/path/to/python3" >&2; exit 4; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 4; }
	@echo "setting up .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --upgrade pip
	@$(INSTALL) --editable '.[all]'
	@touch $@

$(DEV): $(TOOL)
	@echo "installing the development tools"
	@$(INSTALL) --group dev
	@touch $@

setup: $(DEV) ## Install the tool and the development tools into .venv
	@echo "ready: $(STAGE1) --help"

demo: $(TOOL) ## Embedded PostgreSQL, migrations, and a worked example of the catalog
	@$(BIN)/python examples/catalog/demo.py

data: $(TOOL) ## Fetch, derive, load and register a symbol's year: make data SYMBOL=AAPL YEAR=2023 (ARGS=--dry-run says the cost)
	@test -n "$(SYMBOL)" -a -n "$(YEAR)" || { echo "error: SYMBOL and YEAR are missing; run: make data SYMBOL=AAPL YEAR=2023" >&2; exit 2; }
	@$(STAGE1) data --format table --symbol '$(SYMBOL)' --year '$(YEAR)' $(ARGS)

migrate: $(TOOL) ## Bring the database to the schema of this version (ARGS=--plan shows what would run)
	@$(STAGE1) migrate --format table $(ARGS)

status: $(TOOL) ## Is all well?
	@$(STAGE1) status --format table $(ARGS)

validate: $(TOOL) ## Is what the database holds consistent? (ARGS=--deep counts every bar)
	@$(STAGE1) validate --format table $(ARGS)

smoke: $(TOOL) ## The psql smoke tests, on the database that is named; they leave nothing behind
	@$(STAGE1) psql --no-psqlrc --quiet --file sql/smoke/run_all.sql

backup: $(TOOL) ## Back the database up
	@$(STAGE1) backup create --format table $(ARGS)

test: $(DEV) ## All tests but the long ones, on one PostgreSQL
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long" $(ARGS)

test/long: $(DEV) ## The long tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m long $(ARGS)

test/versions: $(DEV) ## The tests on every PostgreSQL that is found
	@$(BIN)/python -m repository.test_versions $(ARGS)

lint: $(DEV) ## ruff, sqlfluff, squawk
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar --nocolor migrations sql | grep -v '^All Finished' ; test $${PIPESTATUS[0]} -eq 0
	@$(BIN)/squawk --quiet migrations/*.sql 2>/dev/null || $(BIN)/squawk migrations/*.sql

types: $(DEV) ## mypy --strict
	@$(BIN)/mypy --no-error-summary

contracts: $(DEV) ## The borders between the folders
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

verify: $(DEV) ## Prove that generated files are current
	@$(BIN)/python -m repository.generate --check

generate: $(DEV) ## Write the generated files: reference, report, schema snapshot
	@$(BIN)/python -m repository.generate

check: lint types contracts verify test ## Everything that CI runs on one PostgreSQL

seal: $(DEV) ## Seal new migrations (AGAIN=name for one that was never released)
	@$(BIN)/python -m repository.seal_migrations $(AGAIN)

format: $(DEV) ## Format Python and SQL
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/sqlfluff fix --quiet migrations sql

benchmark: $(DEV) ## The benchmarks (ARGS=--write keeps their tables in docs/performance.md)
	@failed=0; for each in catalog ingest operations pipeline startup; do $(BIN)/python -m benchmarks.$$each $(ARGS) || failed=1; done; exit $$failed

clean: ## Stop the embedded server and remove what make built; the data in .stage1/ stays
	@-$(STAGE1) server stop 2>/dev/null
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
