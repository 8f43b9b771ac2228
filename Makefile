# The commands of the house. Each one sets up `.venv` first; that takes a moment when nothing changed.
#   make demo [ONCE=1] [ONLY_DAY=1]   the main job on real parts, in this terminal: a day and a night
#   make test            every test            (ARGS="-k name" for some of them, WORKERS=0 in one process)
#   make nights          the longest tests, of whole nights, which `test` and `check` leave out
#   make check           lint, types, import contracts, every test with coverage
#   make bench           prompts of long cases; App Home; the bot beside direct requests to the model server; adapters that change
#   make lock            resolve the dependencies again
#   make clean           remove what set-up and tools made

# Asked once for each make: the first of these that is new enough.
ifndef PYTHON
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
endif
BIN := .venv/bin
export PYTHONUTF8 := 1
# Some containers set it. Without bytecode on the disk every process, each model server and each training, compiles torch and vLLM again.
unexport PYTHONDONTWRITEBYTECODE
# So many files of tests at a time; each worker starts model servers of its own, which take 3 GB of memory.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test nights check lint types contracts coverage format bench lock clean

help:
	@sed -n '2,8s/^# *//p' Makefile

setup:
	@test -n "$(PYTHON)" || { echo "PhyAssist needs Python 3.11 or later, and found none here. Try: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -I deploy/bootstrap.py

demo: setup
	@$(BIN)/phyassist demo $(if $(ONCE),--once) $(if $(ONLY_DAY),--only-day)

test: setup
	$(PYTEST) $(ARGS)

nights: setup
	$(PYTEST) -m night $(ARGS)

check: lint types contracts coverage

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

contracts: setup
	$(BIN)/lint-imports

coverage: setup
	$(PYTEST) --cov --cov-report=term $(ARGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	@$(BIN)/python -m tests.bench $(ARGS)

lock: setup
	@$(BIN)/python -m pip install --quiet uv
	@PYTHON=$(BIN)/python locks/make.sh

clean:
	rm -rf .venv .set-up.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist
