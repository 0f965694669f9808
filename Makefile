PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help install run test wheel lint bench docs clean

help: ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.run: pyproject.toml uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv sync --quiet --active --frozen --no-default-groups --inexact
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv sync --quiet --active --frozen --group dev --inexact
	@touch $@

install: $(VENV)/.run ## install apim and what it needs into .venv

run: install ## start the quickstart gateway and print what to try
	$(BIN)/apim run examples/quickstart/apim.yaml

test: $(VENV)/.dev ## run every test, against real programs that it installs if it may
	tests/peers/install
	$(BIN)/python -m pytest -n 2 --dist worksteal

wheel: $(VENV)/.dev ## build the wheel, install it into an empty environment, run every test against it
	rm -rf dist build/wheel && $(BIN)/uv build --quiet --wheel --out-dir dist
	$(BIN)/uv venv --quiet --python $(PYTHON) build/wheel/venv
	$(BIN)/uv export --quiet --frozen --no-emit-project --only-group test -o build/wheel/test.txt
	$(BIN)/uv export --quiet --frozen --no-emit-project --no-default-groups -o build/wheel/run.txt
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python --require-hashes -r build/wheel/run.txt -r build/wheel/test.txt
	$(BIN)/uv pip install --quiet --python build/wheel/venv/bin/python --no-deps dist/*.whl
	tests/peers/install
	build/wheel/venv/bin/python -P -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev ## check style, types, imports and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/apim docs --check

bench: $(VENV)/.dev ## measure against real peers; takes several minutes
	$(BIN)/python -m bench

docs: $(VENV)/.dev ## write the generated reference and build the site
	$(BIN)/apim docs
	$(BIN)/mkdocs build --strict --quiet

clean: ## remove what the verbs above made
	rm -rf $(VENV) build .mypy_cache .ruff_cache .hypothesis .import_linter_cache site dist
