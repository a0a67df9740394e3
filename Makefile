# Everything a newcomer needs: `make demo` and `make test`. `make` alone lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# uv resolves; pip installs from the hashed result.
# the lock follows pyproject; existing pins are kept
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Rune needs Python 3.11 or newer: call make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo '[setup] virtual environment in $(VENV)'
	@$(PYTHON) -m venv $(VENV)
	@echo '[setup] locked packages (a minute or two the first time)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make the virtual environment (the targets below do it by themselves)

.PHONY: demo
demo: $(STAMP) ## run the main job here: publish, mount, deny, rotate, tamper; no cluster, no server
	@$(BIN)/rune demo

.PHONY: test
test: $(STAMP) ## all tests, with a real registry, cosign and kube-apiserver built once per machine
	@# Status 3: this machine can't have the program; its tests then say so and are skipped (in CI: fail).
	@for tool in etcd kube-apiserver kubectl registry cosign crane helm docker-registry; do \
	  $(BIN)/python hack/tools/build.py $$tool >/dev/null || [ $$? -eq 3 ]; done
	@$(BIN)/python hack/tools/driver.py >/dev/null || [ $$? -eq 3 ]
	@# In a short folder: the path of a socket may have 107 bytes.
	@folder=$$(mktemp -d); status=0; $(BIN)/pytest -n auto --basetemp="$$folder/t" $(PYTEST_ARGS) || status=$$?; \
	  [ $$status -ne 0 ] || rm -rf "$$folder"; exit $$status

.PHONY: check
check: $(STAMP) ## format, lint, types, layers, drift of generated files and docs, shell
	@echo '[check] format' && $(BIN)/ruff format --check --quiet .
	@echo '[check] lint' && $(BIN)/ruff check --quiet .
	@echo '[check] types' && $(BIN)/mypy
	@echo '[check] layers' && $(BIN)/lint-imports --no-logo
	@echo '[check] generated code' && $(BIN)/python hack/generate.py --check
	@echo '[check] command reference' && $(BIN)/python hack/cli_reference.py --check
	@echo '[check] what must not be committed' && $(BIN)/python hack/check_tree.py
	@echo '[check] shell' && "$$($(BIN)/python hack/tools/build.py shellcheck)" .ci/run $$(git ls-files '*.sh')

.PHONY: format
format: $(STAMP) ## format the code and mend what the linter can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: generate
generate: $(STAMP) ## generate the protobuf code and the command reference
	@$(BIN)/python hack/generate.py
	@$(BIN)/python hack/cli_reference.py

.PHONY: lock
lock: $(STAMP) ## resolve the dependencies again (LOCK_ARGS=--upgrade for newer versions)
	@$(COMPILE) $(LOCK_ARGS) -o requirements.txt
	@$(COMPILE) $(LOCK_ARGS) --extra dev -o requirements-dev.txt

.PHONY: tools
tools: $(STAMP) ## build the real programs that the tests use, into a cache outside the checkout
	@$(BIN)/python hack/tools/build.py etcd kube-apiserver kubectl registry cosign crane helm docker-registry shellcheck

.PHONY: image
image: $(STAMP) ## build the provider's image with docker or buildah, whichever is there
	@$(BIN)/python hack/image.py $(IMAGE_ARGS)

# CLUSTER=existing: not a kind cluster of our own but the current kubeconfig's; IMAGE=... the provider's image there.
CLUSTER_ARGS = $(if $(filter existing,$(CLUSTER)),--existing) $(if $(IMAGE),--image $(IMAGE))

.PHONY: e2e
e2e: $(STAMP) ## the whole on a real cluster of its own: kind, the driver, a registry, Rune (or CLUSTER=existing)
	@$(BIN)/python -m e2e.cluster up $(CLUSTER_ARGS)
	@status=0; $(BIN)/pytest e2e -n 4 --dist loadgroup $(PYTEST_ARGS) || status=$$?; \
	  $(if $(filter existing,$(CLUSTER)),,$(BIN)/python -m e2e.cluster down;) exit $$status

.PHONY: cluster
cluster: $(STAMP) ## bring up the cluster of `make e2e` and keep it (KUBECONFIG=build/e2e/kubeconfig)
	@$(BIN)/python -m e2e.cluster up $(CLUSTER_ARGS)

.PHONY: cluster-down
cluster-down: $(STAMP) ## delete it
	@$(BIN)/python -m e2e.cluster down

.PHONY: hostile-tables
hostile-tables: $(STAMP) ## write docs/hostile-*.md from what a run of tests/hostile sees
	@$(BIN)/pytest -q tests/hostile --hostile-table --deselect tests/hostile/test_table.py

.PHONY: canary-table
canary-table: $(STAMP) ## write the table of docs/security.md from a search of the cluster of `make cluster`
	@$(BIN)/pytest -q e2e/test_canary.py --canary-table

.PHONY: fuzz
fuzz: $(STAMP) ## attack every parser for SECONDS=600, guided by coverage where atheris is installed (docs/fuzzing.md)
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(FUZZ_ARGS)

.PHONY: bench
bench: $(STAMP) ## measure the mount path (ratios taken in one run)
	@$(BIN)/python -m hack.bench.mount

.PHONY: clean
clean: ## remove the virtual environment and caches of this checkout
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
