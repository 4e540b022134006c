# Every target sets itself up. `make` alone runs the tests and the linters.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
export UV_PROJECT_ENVIRONMENT := .venv

.DEFAULT_GOAL := all
.PHONY: all help install demo test lint bench ci docs clean

all: test lint

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/installed ## the package, its tools and compiled bytecode in .venv

.venv/installed: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode
	@$(BIN)/python -m compileall -q telegraf_osquery
	@touch $@

demo: install ## typed osquery data of this host, on the embedded engine
	@$(BIN)/telegraf-osquery demo

test: install ## all tests; real servers where present
	@$(BIN)/python tests/run.py

lint: install ## formatting, rules, types, budgets
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python tests/architecture/budgets.py

bench: install ## measurements as ratios against a named rival
	@$(BIN)/python -m tests.bench

docs: install ## write the generated reference
	@$(BIN)/python -m docs.generate

ci: ## what the build machine runs
	@bash .ci/run

clean: ## remove what was built
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
