# Two commands are enough: `make start` to learn, `make test` to prove that everything works.
PYTHON ?= python3
RUN := .venv/bin
# Three at a time, as each waits now and then (tests/conftest.py says what goes together). nbval runs the lessons and
# compares their outputs.
PYTEST := $(RUN)/pytest --numprocesses=3 --nbval --nbval-current-env
# Where it is set, each of hundreds of processes would compile again whatever it imports.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help start test test-full sync site lint environment

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

start: environment  ## Open the course: the site and JupyterLab, on this machine only
	@$(RUN)/workbook start

test: environment  ## Prove the course, but for proofs that held and that no change decides over
	@$(RUN)/workbook prepare
	@$(PYTEST)

test-full: environment  ## Prove all of it, with every slow, exhaustive run, and a fresh status page
	@$(RUN)/workbook prepare
	@WORKBOOK_FULL=1 $(PYTEST)

sync: environment  ## Make the generated files that are stale again
	@$(RUN)/workbook sync

site: environment  ## Build the site into _build/html
	@$(RUN)/workbook site

lint: environment  ## Check style, types and the walls between rooms
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-cache

environment:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.10 to 3.13, or run 'make PYTHON=/path/to/it ...'."; exit 1; }
	@$(PYTHON) bootstrap.py
