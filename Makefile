# `make demo` and `make test` are all a fresh machine needs: Python 3.11+, make and a package registry.
.DEFAULT_GOAL := help
.PHONY: help demo test check fmt lint servers bench bench-scale torture simulate fuzz lock clean

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
WORKERS ?= 3

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 12

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-test: .venv/installed requirements-test.lock
	$(INSTALL) -r requirements-test.lock
	@touch $@

demo: .venv/installed  ## a transaction and whole deliveries on emulated cabinets, told step by step
	$(BIN)/openharbor demo

test: .venv/installed-test servers lint  ## everything: lint, then all tests on real files, sockets and ptys
	$(BIN)/pytest -n $(WORKERS)

check: .venv/installed-test lint  ## the quick part, under a minute
	$(BIN)/pytest -n $(WORKERS) -m "not slow" tests/core

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: .venv/installed-test  ## format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

servers:  # what the tests start themselves and no package registry for Python has
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "make test needs PostgreSQL: sudo apt install postgresql"; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql; }

bench: .venv/installed-test servers  ## speed and memory, each figure beside its limit
	$(BIN)/python -m tests.bench

bench-scale: .venv/installed-test servers  ## the cloud at 1,000 and at 1,000,000 lockers
	$(BIN)/python -m tests.bench.scale

simulate: .venv/installed-test  ## lockers' lives 1,000,000 times, towers and phones over days, by seeds that are printed
	cd tests && ../$(BIN)/python -m simulation.cloud_lockers --examples 1000000
	cd tests && ../$(BIN)/python -m simulation.deliveries --days 3 --towns 200

fuzz: .venv/installed-test  ## 1,000,000 wild frames to a tower
	cd tests && ../$(BIN)/python -m fuzz.frames --frames 1000000

torture: .venv/installed-test  ## kill -9 under load, 1,000 times
	KILLS=1000 $(BIN)/pytest -n $(WORKERS) tests/faults/test_kill_gateway.py tests/faults/test_kill_tower.py

lock: .venv/installed-test  ## compile the locks again (needs uv)
	uv pip compile pyproject.toml --extra install --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra install --extra test --generate-hashes --no-emit-index-url --no-header -q -c requirements.lock -o requirements-test.lock

clean:  ## remove the environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
