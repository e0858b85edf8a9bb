# Only python3 (3.11 or later, with venv) and make are taken for granted.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint bench fidelity golden clean

demo: $(VENV)/.installed
	@$(BIN)/deploy demo

test: check

# Everything that CI checks.
check: lint
	$(BIN)/pytest -n auto -q

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

golden: $(VENV)/.dev
	$(BIN)/pytest -q tests/golden tests/docs/test_checks.py --update-golden

fidelity: $(VENV)/.dev
	$(BIN)/python benchmarks/fidelity.py

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/requests.py
	$(BIN)/python benchmarks/many.py
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/kernel.py

$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]'
	@# as pip does with a wheel; where PYTHONDONTWRITEBYTECODE is set, every start would compile all of it
	@$(BIN)/python -m compileall -q -x '/(\.venv|\.types|tests|benchmarks|build)/' .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
