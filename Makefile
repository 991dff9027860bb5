.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --disable-pip-version-check --constraint constraints.txt
CODE := src generated scripts tests
# more than processors: many tests wait for programs and time limits
TESTS_AT_ONCE ?= 4

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed; set PYTHON=...") if sys.version_info < (3, 10) else 0'
	@echo "Creating a virtual environment in $(VENV) (some seconds) ..." && $(PYTHON) -m venv $(VENV) && touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing smsgate with the emulator into $(VENV), once (half a minute) ..." && $(INSTALL) --editable '.[emulator]' && touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing smsgate, all extras and the development tools into $(VENV), once (a minute or two) ..." && $(INSTALL) --quiet --upgrade pip
	@$(INSTALL) --editable '.[all,codegen]' --group dev && touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## send a text through an emulated phone and print its states
	@$(PY) scripts/demo.py

setup: $(VENV)/.dev ## create the development environment in .venv

test: setup ## run all tests, with branch coverage
	$(PY) -m pytest -n $(TESTS_AT_ONCE) --cov --cov-report=term --cov-fail-under=95
test-all: ## run the tests on every installed Python from 3.10 on
	@$(PYTHON) scripts/test_all.py
test-lowest: ## run the tests with the lowest versions that pyproject.toml allows
	@$(PYTHON) scripts/test_lowest.py
check: setup ## run linter, type checkers, spec validator, and compare generated files
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)
	$(VENV)/bin/mypy
	$(VENV)/bin/pyright --pythonpath $(PY)
	$(VENV)/bin/openapi-spec-validator spec/smsgate.yaml
	$(PY) -c 'import sys; sys.exit(sys.version_info >= (3, 11))' || $(PY) scripts/generate.py --check # needs 3.11
	$(PY) scripts/unasync.py --check
	$(PY) scripts/command_reference.py --check
fmt: setup ## format the code and apply automatic fixes
	$(VENV)/bin/ruff check --fix-only $(CODE)
	$(VENV)/bin/ruff format $(CODE)
generate: setup ## compile spec/smsgate.yaml into generated/
	$(PY) scripts/generate.py
unasync: setup ## convert _async into _sync in src and tests
	$(PY) scripts/unasync.py
specdiff: setup ## compare our spec with a published one: make specdiff FROM=file-or-URL
	$(PY) -m scripts.specdiff $(FROM)
api-diff: setup ## list changes of the public API since HEAD or another revision: make api-diff FROM=revision
	PYTHONPATH=scripts $(PY) -m apidiff $(FROM)
bench: setup ## run the benchmark and write docs/performance.md
	$(PY) -m scripts.bench --write
stalls: setup ## measure how long responses of all kinds stall the event loop
	$(PY) scripts/stalls.py
faults: setup ## send ten thousand messages through injected faults
	$(PY) -m scripts.faults
deliveries: setup ## run the delivery test and the fuzz test of the receiver
	$(PY) scripts/deliveries.py && $(PY) scripts/fuzz.py
build: setup ## build wheel and sdist in dist/
	$(PY) -m build --outdir dist
.PHONY: help demo setup test test-all test-lowest check fmt generate unasync specdiff api-diff bench stalls faults deliveries build
