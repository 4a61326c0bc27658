# Two commands: `make demo` shows everything at work, `make test` checks everything.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: demo test lint servers clean

demo: $(VENV)/.embedded
	$(BIN)/python -m pipeline demo

test: $(VENV)/.dev servers lint
	$(BIN)/pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

# What the tests talk to: a real ClickHouse server and a real browser, from Debian.
servers:
	@sh tests/install_servers.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: setup.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[embedded]'
	touch $@

$(VENV)/.dev: setup.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.embedded

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
