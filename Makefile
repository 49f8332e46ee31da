# Everything here works on a machine with Python 3.11, gcc, make and git. `make` alone lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
JOBS   ?= 3
VENV   := .venv
BIN    := $(VENV)/bin
UV_PIN := uv==0.13.9

# Hashes for every package and wheels only: nothing unpinned, nothing to compile.
INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
LOCKED  := $(INSTALL) --require-hashes --only-binary :all: --no-deps
EDIT    := $(INSTALL) --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help setup run test faults lint docs lock clean chromium

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(VENV)/.setup ## .venv with .venv/bin/bulkhead

run: setup ## the sample experiment once, then the workbench (BULKHEAD_HOME, PORT)
	@runs=$$($(BIN)/bulkhead runs --json) || exit $$?; \
	case "$$runs" in *'"run"'*) ;; *) $(BIN)/bulkhead run assets/experiments/tech-trend.toml ;; esac
	@exec $(BIN)/bulkhead serve $(if $(PORT),--port $(PORT))

test: $(VENV)/.setup-test chromium ## every test (ARGS="-k …" for some)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(ARGS)

faults: $(VENV)/.setup-test ## every fault at its full count, in some ten minutes (SEED=1, ARGS="-k …")
	BULKHEAD_FAULTS=full BULKHEAD_FAULT_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -q -rP -n $(JOBS) --dist loadfile --no-loadscope-reorder -o faulthandler_timeout=0 \
		tests/faults tests/app/test_hostile_configs.py tests/app/test_paths.py tests/app/test_bundle.py tests/db/test_verify.py $(ARGS)

lint: $(VENV)/.setup-test ## linters, import rules and types; all of them, even after the first that fails
	@status=0; \
	for check in "ruff check --output-format concise" "ruff format --check --output-format concise" "lint-imports --no-logo" mypy; do \
		echo "== $$check"; $(BIN)/$$check || status=1; \
	done; exit $$status

docs: $(VENV)/.setup-test ## write the tables of ARCHITECTURE.md from the classes
	$(BIN)/python -m tests.test_documentation

lock: ## remake the lock files (LOCKARGS=--upgrade: with the newest versions)
	@test -x $(VENV)/lock/bin/uv || { $(PYTHON) -m venv $(VENV)/lock && \
		$(VENV)/lock/bin/python -m pip install --quiet --no-input --disable-pip-version-check $(UV_PIN); }
	$(COMPILE) --extra build --extra test pyproject.toml --output-file requirements-test.lock
	$(COMPILE) --extra build --constraint requirements-test.lock pyproject.toml --output-file requirements.lock

# One set of versions for every platform and Python; no registry addresses, no paths of this machine.
COMPILE = $(VENV)/lock/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --no-build \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" $(LOCKARGS)

clean: ## remove what these targets made
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Bulkhead needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3.11" >&2; exit 2; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.setup: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing Bulkhead into $(VENV) …"
	@$(LOCKED) --requirement requirements.lock
	@$(EDIT)
	@touch $@

$(VENV)/.setup-test: requirements-test.lock $(VENV)/.setup
	@echo "Installing the test tools into $(VENV) …"
	@$(LOCKED) --requirement requirements-test.lock
	@touch $@

# Tests in the browser take `chromium` from PATH, else Playwright's own.
chromium: $(VENV)/.setup-test
	@if command -v chromium >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium (apt-get) …"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0; \
	fi; \
	echo "Installing Chromium (playwright) …"; $(BIN)/playwright install chromium
