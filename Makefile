# What there is to do with posapp. `make` alone lists it.
#
# The first use of any target makes the environment in .venv and looks after the system's packages;
# after that only a changed pyproject.toml does it again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first Python of 3.11 or newer that really starts: a version manager's stub may only refuse.
# Looked up when it is first needed, so that `make help` costs nothing.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; \
	done)

BIN := .venv/bin
ARGS ?=
BAR ?=
LONG ?=
CYCLES ?= 500
PART ?=

# What ruff, mypy and the other checks look at: folders that a checkout has.
CODE := $(wildcard posapp ui drivers sync resources tests tools bench)

.PHONY: help demo test check prove bench load faults crash texts clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):[^#]*## */\1\t/' | \
		while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: $(BIN)/.run ## a hub, a sample shop and a till to try; without a display it plays the story by itself
	@$(BIN)/posapp demo $(ARGS)

test: $(BIN)/.test ## the tests; ARGS="-k scan" and the like go to pytest, ARGS="-m proof" runs the long ones
	@$(BIN)/python -m pytest -n 3 --dist loadfile --max-worker-restart 0 -m "not proof" $(ARGS)

check: $(BIN)/.run ## format, lint, types, imports, texts, file lengths, bans
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.catalogue check
	@$(BIN)/python -m tools.rules

prove: $(BIN)/.test ## list every bar with its claim; BAR=first-B1 proves one, LONG=1 at full length
	@$(BIN)/python -m tests.prove $(BAR) $(if $(LONG),--long) $(ARGS)

bench: $(BIN)/.test ## measure the speed at the counter, as ratios
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.scanner
	@$(BIN)/python -m bench.camera

load: $(BIN)/.test ## thousands of simulated tills at one hub on PostgreSQL; ARGS="--tills 10000" and the like
	@$(BIN)/python -m bench.load $(ARGS)

faults: $(BIN)/.test ## what goes wrong, done on purpose; lists its parts, PART=kill does one, PART=all each in turn
	@$(BIN)/python -m tests.faults $(PART) $(ARGS)

crash: $(BIN)/.test ## kill the till again and again during hand-overs; CYCLES=500
	@$(BIN)/python -m tests.crash.loop --cycles $(CYCLES) $(ARGS)

texts: $(BIN)/.installed ## bring the catalogue up to date with the code, then translate what is new
	@$(BIN)/python -m tools.catalogue update

clean: ## remove the environment, caches and what runs have left
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis demo-out prove-out build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment; its marks lie inside it, so that they go with it ---

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "posapp needs Python 3.11 or newer: sudo apt-get install -y python3 python3-venv" >&2; exit 1; }
	@tools/system.sh venv "$(PYTHON)"
	@echo "Making the environment in .venv with $(PYTHON)" >&2
	@"$(PYTHON)" -m venv .venv

$(BIN)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing posapp and what it needs into .venv" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[hub,dev]' >&2
	@$(BIN)/python -m compileall -q posapp ui drivers sync resources
	@touch $@

$(BIN)/.run: $(BIN)/.installed tools/system.sh
	@tools/system.sh run $(BIN)/python
	@touch $@

$(BIN)/.test: $(BIN)/.run
	@tools/system.sh test $(BIN)/python
	@touch $@
