# Everything a contributor runs. PYTHON may name any CPython 3.10 to 3.12.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An environment that is there keeps its Python.
VERSION = $(shell $$(test -x $(BIN)/python && echo $(BIN)/python || echo $(PYTHON)) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CONF := var/conf
PYTEST_ARGS ?=
APT := apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.PHONY: help setup run demo test lint format bench lock sounds system-packages clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

$(VENV)/.installed: pyproject.toml $(wildcard requirements/lock-*.txt)
	@test -f requirements/lock-$(VERSION).txt || { echo "Obelisk needs Python 3.10, 3.11 or 3.12; $(PYTHON) is $(VERSION)"; exit 1; }
	@if ! $(PYTHON) -c "import ensurepip" 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) python3-venv; \
		else echo "install Python's venv first (Debian: python3-venv)"; exit 1; fi; \
	fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/lock-$(VERSION).txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

setup: $(VENV)/.installed ## the virtual environment .venv, from the lock file

run: setup ## the exchange on loopback, with the configuration in var/conf
	@test -e $(CONF)/asterisk.conf || $(BIN)/obelisk init $(CONF)
	@exec $(BIN)/obelisk run -C $(CONF)

demo: setup ## two phones, an ARI application and an AMI client on a scratch exchange, judged by ear
	$(BIN)/python tools/demo.py var/demo

# On a machine run as root (CI), install what the tests need: SIPp, baresip, npm for the clients written for Node, PostgreSQL.
# Elsewhere those tests say what is missing.
system-packages:
	@missing=""; \
	command -v sipp >/dev/null || missing="$$missing sip-tester"; \
	command -v baresip >/dev/null || missing="$$missing baresip-core"; \
	PATH="$$PATH:/usr/sbin:/sbin" command -v sysctl >/dev/null || missing="$$missing procps"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(APT) $$missing; fi

test: setup system-packages ## all tests, with coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_ARGS)

lint: setup ## style, types, import rules, news fragments
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/towncrier build --draft --version next >/dev/null

format: setup ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup system-packages ## CPU per call and rates, as a table and JSON
	$(BIN)/python -m bench

lock: ## write requirements/lock-*.txt anew (needs uv)
	for version in 3.10 3.11 3.12; do \
		uv pip compile pyproject.toml --quiet --upgrade --extra dev --python-version $$version \
			--python-platform x86_64-manylinux_2_28 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--no-annotate --no-header --output-file requirements/lock-$$version.txt; \
	done

sounds: setup ## make the prompts and the music on hold anew (needs espeak-ng)
	$(BIN)/python tools/make_sounds.py
	$(BIN)/python tools/make_music.py

clean: ## remove the environment and caches; var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build dist
