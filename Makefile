# Every target works from a clean clone: what it needs is installed into .venv first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name) >/dev/null && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
STAGE1 := $(BIN)/stage1
TOOL := .venv/.tool-installed
DEV := .venv/.development-installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The TypeScript client is built and tested where there are Node 20 or later and npm.
TYPESCRIPT := client/typescript
NODE := $(shell command -v npm >/dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' 2>/dev/null && echo found)
TYPESCRIPT_TOOLS := $(if $(NODE),$(TYPESCRIPT)/node_modules/.installed)
TYPESCRIPT_BUILT := $(if $(NODE),$(TYPESCRIPT)/dist/.built)
WITHOUT_NODE = $(if $(NODE),,echo "left out, since Node 20 or later with npm is not found: $(1) of the TypeScript client" >&2;)
# Bytecode is compiled when it is first imported: half a minute less before the first answer.
export PIP_NO_COMPILE := 1

.PHONY: help setup demo example/python example/typescript data migrate status validate smoke backup test test/long test/versions lint types contracts verify generate check seal format benchmark typescript clean

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

$(TYPESCRIPT)/node_modules/.installed: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	@echo "installing the tools of the TypeScript client"
	@cd $(TYPESCRIPT) && npm ci --loglevel=error --no-progress --ignore-scripts >/dev/null
	@touch $@

$(TYPESCRIPT)/dist/.built: $(TYPESCRIPT)/node_modules/.installed $(TYPESCRIPT)/tsconfig.json $(shell find $(TYPESCRIPT)/src -name '*.ts' 2>/dev/null)
	@cd $(TYPESCRIPT) && npm run --silent build
	@touch $@

setup: $(DEV) ## Install the tool and the development tools into .venv
	@echo "ready: $(STAGE1) --help"

demo: $(TOOL) ## Embedded PostgreSQL, migrations, and a worked example of the catalog
	@$(BIN)/python examples/catalog/demo.py

example/python: $(TOOL) ## Versioned examples and experiments in Python, on the demo's bars
	@$(BIN)/python examples/on_a_server.py $(BIN)/python examples/python/opening_range.py

example/typescript: $(TOOL) $(TYPESCRIPT_BUILT) ## The same in TypeScript
	@test -n "$(NODE)" || { echo "error: Node 20 or later, with npm, was not found; it is what runs TypeScript" >&2; exit 4; }
	@$(BIN)/python examples/on_a_server.py node examples/typescript/run.mjs examples/typescript/opening-range.ts

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

test: $(DEV) $(TYPESCRIPT_BUILT) ## All tests but the long ones, on one PostgreSQL
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long" $(ARGS); ended=$$?; $(call WITHOUT_NODE,the tests) exit $$ended

test/long: $(DEV) ## The long tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m long $(ARGS)

test/versions: $(DEV) ## The tests on every PostgreSQL that is found
	@$(BIN)/python -m repository.test_versions $(ARGS)

lint: $(DEV) $(TYPESCRIPT_TOOLS) ## ruff, sqlfluff, squawk, eslint
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar --nocolor migrations sql | grep -v '^All Finished' ; test $${PIPESTATUS[0]} -eq 0
	@$(BIN)/squawk --quiet migrations/*.sql 2>/dev/null || $(BIN)/squawk migrations/*.sql
	@$(if $(NODE),cd $(TYPESCRIPT) && npm run --silent lint,$(call WITHOUT_NODE,eslint))

types: $(DEV) $(TYPESCRIPT_TOOLS) ## mypy --strict, tsc
	@$(BIN)/mypy --no-error-summary
	@$(if $(NODE),cd $(TYPESCRIPT) && npm run --silent types,$(call WITHOUT_NODE,tsc))

contracts: $(DEV) ## The borders between the folders
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

verify: $(DEV) $(TYPESCRIPT_TOOLS) ## Prove that generated files are current
	@$(BIN)/python -m repository.generate --check
	@$(if $(NODE),cd $(TYPESCRIPT) && npm run --silent generate -- --check >/dev/null,$(call WITHOUT_NODE,the check of the types))

generate: $(DEV) $(TYPESCRIPT_TOOLS) ## Write the generated files: reference, report, schema snapshot, types of the API
	@$(BIN)/python -m repository.generate
	@$(if $(NODE),cd $(TYPESCRIPT) && npm run --silent generate >/dev/null,$(call WITHOUT_NODE,the types))

check: lint types contracts verify test ## Everything that CI runs on one PostgreSQL

seal: $(DEV) ## Seal new migrations (AGAIN=name for one that was never released)
	@$(BIN)/python -m repository.seal_migrations $(AGAIN)

format: $(DEV) ## Format Python and SQL
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/sqlfluff fix --quiet migrations sql

benchmark: $(DEV) $(TYPESCRIPT_BUILT) ## The benchmarks (ARGS=--write keeps their tables in docs/performance.md)
	@failed=0; for each in catalog datasets ingest operations pipeline startup $(if $(NODE),typescript); do $(BIN)/python -m benchmarks.$$each $(ARGS) || failed=1; done; exit $$failed

typescript: $(TYPESCRIPT_BUILT) ## Build the TypeScript client into client/typescript/dist
	@$(if $(NODE),echo "ready: npm install ./$(TYPESCRIPT)",$(call WITHOUT_NODE,the build) exit 4)

clean: ## Stop the embedded server and remove what make built; the data in .stage1/ stays
	@-$(STAGE1) server stop 2>/dev/null
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist
