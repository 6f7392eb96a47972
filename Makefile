# Everything a person does with Ringwise from a clone. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)
MAKEFLAGS += --no-print-directory

.PHONY: help install demo demo-cluster test check lint bench coverage wheel clean

help: ## what can be done here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

install: ## the Python environment in .venv, with everything
	@sh config/setup/install.sh

demo: ## real calls on a real Asterisk, told step by step; stays up until Ctrl-C (ONCE=1: ends after the summary)
	@sh config/setup/install.sh demo
	@sh config/setup/asterisk.sh
	@ivr demo $(if $(filter-out 0,$(ONCE)),--once)

demo-cluster: ## two engines on one PostgreSQL, one of them killed in the midst of calls, told step by step (ONCE=1 as above)
	@sh config/setup/install.sh demo-cluster
	@sh config/setup/asterisk.sh
	@ivr demo --cluster $(if $(filter-out 0,$(ONCE)),--once)

check: install lint ## lint, strict types, import contracts, unit tests; about a minute on 2 cores
	@echo 'ringwise: unit tests' && pytest -q -n auto tests/unit tests/architecture

test: ## everything: what check does, and calls on a real Asterisk, a real browser, PostgreSQL
	@sh config/setup/install.sh test
	@sh config/setup/asterisk.sh
	@$(MAKE) lint
	@sh config/setup/test.sh

lint:
	@echo 'ringwise: lint' && ruff check --quiet . && ruff format --check --quiet .
	@echo 'ringwise: types' && mypy
	@echo 'ringwise: import contracts' && lint-imports --no-logo

bench: ## the measurements in bench/, real calls included
	@sh config/setup/install.sh test
	@sh config/setup/asterisk.sh
	@for script in bench/*.py; do echo "ringwise: $$script" && python "$$script" || exit 1; done

coverage: ## how much of the code the tests without calls run, line by line in var/coverage
	@sh config/setup/install.sh test
	@coverage run -m pytest -q tests/unit tests/integration
	@coverage html -q -d var/coverage
	@coverage report --skip-covered

wheel: install ## the package for an installation elsewhere, in dist/
	@pip wheel --quiet --no-deps --no-build-isolation --disable-pip-version-check -w dist . && ls dist/*.whl

clean: ## remove the environment and everything that was made here
	rm -rf .venv var dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
