# The two main commands: `make demo` shows everything at work, `make test` checks everything.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# One process runs all tests of a file; a third one works while others wait. The slowest tests are printed at the end.
PYTEST := $(BIN)/pytest --numprocesses 3 --dist loadfile --durations 10

.PHONY: demo test test-all lint servers soak bench figures mutants clean

# `make demo DEMO='--language ru'` passes options.
demo: $(VENV)/.embedded
	$(BIN)/feedpulse demo $(DEMO)

test: $(VENV)/.dev servers lint
	$(PYTEST) -m 'not long'

# Also runs the tests marked `long`: kills, clusters, long simulations, the crontab.
test-all: $(VENV)/.dev servers lint
	$(PYTEST)

# Kills hundreds of loads at random moments and compares each result with that of an undisturbed load. Then a week of
# alerts on two machines, with kills and slow or lost answers. Then days on a cluster whose servers are killed.
soak: $(VENV)/.dev servers
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak.overlaps
	$(BIN)/python -m tests.soak.rhythms
	$(BIN)/python -m tests.soak.http
	$(BIN)/python -m tests.soak.cluster

# Runs every benchmark. They print ratios; no test depends on them.
bench: $(VENV)/.dev servers
	for file in tests/benchmarks/[a-z]*.py; do \
		echo "== $$file"; $(BIN)/python -m tests.benchmarks.$$(basename $$file .py) || exit 1; \
	done

# Lists the pages with figures, and the command that measures them.
figures:
	@grep -roE 'python -m tests\.benchmarks[^`]*' docs --include='*.md' | sort -u | sed 's|:python|: $(BIN)/python|'

# Mutates the pure modules and runs their own tests on each mutant; exits with 1 if an unlisted mutant survives.
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants $(MUTANTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy --strict

# Installs what the tests need: real ClickHouse servers with a ZooKeeper, and a real browser, from Debian.
servers:
	@sh tests/install_servers.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: setup.py | $(VENV)/bin/python
	@echo 'pip installs feedpulse into $(VENV): some 500 MB, a minute or two.'
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[embedded,lab]'
	touch $@

$(VENV)/.dev: setup.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.embedded

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
