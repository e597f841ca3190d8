# Any target works on a fresh checkout: what is missing is installed first (see scripts/bootstrap).

DEMO := trimtab explore examples/sounding --axis lto=local,thin,fat --axis codegen-units=1

# Keeps the pins it finds; `make lock UPGRADE=--upgrade` moves them to the newest versions.
LOCK := .venv/bin/uv pip compile --quiet $(UPGRADE) --universal --no-strip-extras --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" pyproject.toml

# Holds the Rust that scripts/bootstrap chose, when the first one on PATH does not work.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

# Where it is set, as in many containers, each worker compiles every test anew before it runs the first.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test slow check newest oldest setup cross lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: setup ## explore the profiles of a small example
	.venv/bin/$(DEMO)

# Three at a time on two cores: a third of the time they wait, for a linker, a time-out or a registry.
# One worker runs a module, so that what its tests share is made once; modules with slow tests come first, and those with
# quick ones last.
PYTEST := .venv/bin/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
TESTS := -m "not slow"

test: setup ## run every test but the slow ones; `make test TESTS='…'` runs others
	$(PYTEST) $(TESTS)

slow: setup ## run the slow tests: a few studies with many builds, which CI runs too
	$(PYTEST) -m slow

check: .venv/.ready ## lint, check types and layers, run the fast tests with coverage
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest --numprocesses 2 -m "not integration" --cov

newest: RESOLUTION := highest
oldest: RESOLUTION := lowest-direct
newest: ## run the fast tests with the newest versions of what trimtab needs to run
oldest: ## run the fast tests with the oldest ones that pyproject.toml allows
# What the lock pins is installed first, for the test tools; then all that `pip install trimtab[wheels,wasm]` could choose.
newest oldest: .venv/.ready
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .tools/$@
	.venv/bin/uv pip compile --quiet --upgrade --resolution $(RESOLUTION) --only-binary :all: --no-header --no-annotate \
		--python .tools/$@/bin/python --extra wheels --extra wasm pyproject.toml --output-file .tools/$@.txt
	.venv/bin/uv pip install --quiet --python .tools/$@ --no-deps --require-hashes --requirements requirements/dev.txt
	.venv/bin/uv pip install --quiet --python .tools/$@ --no-deps --only-binary :all: --requirements .tools/$@.txt
	.venv/bin/uv pip install --quiet --python .tools/$@ --no-deps --no-build-isolation --editable .
	.tools/$@/bin/pytest -m "not integration"

setup: .venv/.ready ## install what is missing: Python packages, Rust, valgrind
	@scripts/bootstrap rust valgrind

cross: setup ## install what tests of other targets and of trained programs need, where rustup and Debian have it
	@scripts/bootstrap cross trained

.venv/.ready: pyproject.toml requirements/dev.txt scripts/bootstrap
	@scripts/bootstrap python

.venv/bin/uv: # not .ready: that fails as long as pyproject.toml asks for something that is not locked yet
	@scripts/bootstrap python

lock: .venv/bin/uv ## write requirements/ anew from pyproject.toml
	$(LOCK) --extra dev --output-file requirements/dev.txt
	$(LOCK) --constraint requirements/dev.txt --output-file requirements/default.txt

clean: ## remove all that make and the tools have made
	rm -rf .venv .tools dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf examples/*/target tests/projects/*/target
	find src tests -depth -name __pycache__ -exec rm -rf {} +
