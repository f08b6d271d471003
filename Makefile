# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that these targets make lies in .cache, which git ignores; `make clean` removes it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:

PYTHON ?= python3
PARTS := lint types layers schema docs changelog sanity targets importer unit e2e molecule

# Ansible finds a collection only as ansible_collections/NAMESPACE/NAME: this link is that place.
LINK := .cache/collections/ansible_collections/inference/triton
RESOLVE := .cache/venv-lock/bin/uv pip compile --quiet --no-cache --universal --python-version 3.11 --upgrade --no-annotate \
  --custom-compile-command "make lock"
DEV := PATH="$(CURDIR)/.cache/venv-dev/bin:$$PATH"
# A test is given to whichever process is free.
PYTEST := pytest --dist worksteal --numprocesses
# Where tests wait for a child or a timeout now and then, half as many processes again as cores keep these busy.
WORKERS = $(shell "$(PYTHON)" -c 'import os; print(os.cpu_count() * 3 // 2)')
# For tools that leave files in the home folder.
OWN_HOME := HOME="$(CURDIR)/.cache/home"

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_REMOTE_TMP := $(CURDIR)/.cache/ansible/tmp
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis
export PIP_CACHE_DIR ?= $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME

.PHONY: help
help: ## show this list
	@sed -nE 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

.PHONY: demo
demo: .cache/venv-demo/.done $(LINK) ## watch a policy take a real Triton server off the CPU, on this machine
	@PATH="$(CURDIR)/.cache/venv-demo/bin:$$PATH" demo/run

.PHONY: test
test: .cache/host ## run every check below, from lint to e2e
	@tools/check setup $(PARTS)

.PHONY: setup
setup: ## install what the checks need
	@$(MAKE) -j2 dev .cache/venv-importer/.done
	@echo "The environments are ready in .cache."

.PHONY: lint
lint: dev ## style: ruff, vermin (Python 3.8 syntax in plugins), ansible-lint
	$(DEV) ruff check .
	$(DEV) ruff format --check .
	$(DEV) vermin -t=3.8- --no-tips --violations --eval-annotations plugins
	$(DEV) ansible-lint --nocolor

.PHONY: types
types: dev ## types: mypy, strict
	$(DEV) mypy | sed 's|^$(LINK)/||'

.PHONY: layers
layers: dev ## layers: import-linter holds the contracts of pyproject.toml
	$(DEV) PYTHONPATH=.cache/collections lint-imports --no-logo --cache-dir .cache/import-linter

.PHONY: schema
schema: dev ## the table of Triton's ModelConfig is what tools/generate_schema.py makes of NVIDIA's tritonclient
	$(DEV) python tools/generate_schema.py --check
	@echo "The table is up to date."

.PHONY: docs
docs: dev ## documentation of modules, filters and roles (antsibull-docs), and the pages made from code
	$(DEV) $(OWN_HOME) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all .
	$(DEV) python tools/generate_gpu_states.py --check
	$(DEV) python tools/generate_gpu_facts.py --check
	@echo "No problem found in the documentation."

.PHONY: changelog
changelog: dev ## changelog fragments: antsibull-changelog
	$(DEV) antsibull-changelog lint
	@echo "No problem found in the changelog fragments."

.PHONY: sanity
sanity: dev ## ansible-test sanity on every Python found
	$(DEV) python tools/run_ansible_test.py sanity

.PHONY: targets
targets: dev ## tests/unit on every Python found that a managed host may have
	$(DEV) python tools/run_ansible_test.py units --num-workers $(WORKERS)

.PHONY: importer
importer: .cache/venv-importer/.done ## build the collection and check it as Ansible Galaxy would
	rm -rf .cache/importer
	mkdir -p .cache/home
	export PATH="$(CURDIR)/.cache/venv-importer/bin:$$PATH" $(OWN_HOME); \
	ansible-galaxy collection build --output-path .cache/importer; \
	cd .cache/importer; \
	export GALAXY_IMPORTER_CONFIG="$(CURDIR)/tests/galaxy-importer.cfg"; \
	python -m galaxy_importer.main inference-triton-*.tar.gz 2>&1 | tee report; \
	! grep -qE '^(WARNING|ERROR): ' report

.PHONY: unit
unit: dev ## tests/unit, tests/tools, tests/property and tests/differential (pytest arguments: make unit ARGS="-k enum")
	$(DEV) $(PYTEST) $(WORKERS) tests/unit tests/tools tests/property tests/differential $(ARGS)

.PHONY: e2e
e2e: dev ## tests/e2e: the modules through ansible-playbook against the real tritonserver
	$(DEV) $(PYTEST) auto tests/e2e $(ARGS)

.PHONY: molecule
molecule: dev ## roles on throw-away hosts with systemd: every scenario, or some: make molecule SCENARIO="gpu server"
	$(DEV) python tools/run_scenarios.py $(SCENARIO)

.PHONY: bench
bench: dev ## the figures that README.md quotes
	$(DEV) benchmarks/run

.PHONY: format
format: dev ## rewrite the Python files in the project's style
	$(DEV) ruff check --fix .
	$(DEV) ruff format .

.PHONY: lock
lock: .cache/host ## resolve constraints*.txt anew from requirements*.txt, for Python 3.11 and newer
	"$(PYTHON)" -m venv --clear .cache/venv-lock
	.cache/venv-lock/bin/python -m pip install -qq uv==0.13.9
	$(RESOLVE) --output-file constraints.txt requirements.txt requirements-dev.txt
	$(RESOLVE) --output-file constraints-importer.txt requirements-importer.txt

.PHONY: clean
clean: ## remove everything that was made here
	rm -rf .cache

.PHONY: dev
dev: .cache/venv-dev/.done $(LINK)
	@mkdir -p .cache/home

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

# Changes only when the interpreter or the place of the clone does: both make an environment useless.
.cache/host: FORCE
	@tools/preflight "$(PYTHON)" $@

FORCE:

.cache/venv-demo/.done: requirements.txt constraints.txt
.cache/venv-dev/.done: requirements.txt requirements-dev.txt constraints.txt
.cache/venv-importer/.done: requirements-importer.txt constraints-importer.txt

# The stamp comes last, so an interrupted installation is never taken for a finished one.
.cache/venv-%/.done: .cache/host
	@echo "Installing $(filter requirements%,$^) into $(@D)"
	@rm -rf $(@D)
	@"$(PYTHON)" -m venv $(@D)
	@$(@D)/bin/python -m pip install -qq $(addprefix -r ,$(filter requirements%,$^)) $(addprefix -c ,$(filter constraints%,$^))
	@touch $@
