# Everything a developer runs; `make` alone lists it. It needs Python 3.11 to 3.13 and make, nothing else.

UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
SYNCED := $(VENV)/.synced

# The first interpreter that is new enough; choose another with `make PYTHON=... <target>`.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUITABLE)' >/dev/null 2>&1 && echo $$python && break; done)

# uv uses the interpreter found above and never fetches one of its own.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
# Where Python may not write bytecode, each process would compile 1,200 modules anew: a second of a processor.
export UV_COMPILE_BYTECODE := 1

# Four processes, each with servers of its own, share the tests: they wait for others more than they compute.
IN_FOUR := --numprocesses 4 --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help dev test lint format check bench profile bench-memory bench-load bench-sync bench-updates bench-pages bench-preview bench-commit bench-caps bench-delivery bench-archive bench-reports bench-timing house differential fuzz audit faults docs docs-check deploy-files sbom licences image-check pictures clean distclean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

dev: $(SYNCED) ## run the whole system with demo data on localhost:5000 (HOST=, PORT=)
	@exec $(BIN)/python -m devstack

test: $(SYNCED) ## run the whole test suite
	$(BIN)/python -m pytest $(IN_FOUR)

lint: $(SYNCED) ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SYNCED) ## put imports and layout in order
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

check: lint test ## everything that has to pass

bench: $(SYNCED) ## measure what a click costs (needs wrk; ARGS="--only share --runs 3")
	$(BIN)/python -m tests.bench.clicks $(ARGS)

profile: $(SYNCED) ## measure where the microseconds of a click go (needs wrk)
	$(BIN)/python -m tests.bench.profile $(ARGS)

bench-memory: $(SYNCED) ## measure a worker's memory, and what junk does to it (ARGS="--clicks 1000000")
	$(BIN)/python -m tests.bench.memory $(ARGS)

bench-load: $(SYNCED) ## measure a recipe load
	$(BIN)/python -m tests.bench.load

bench-sync: $(SYNCED) ## measure how fast changes reach every worker
	$(BIN)/python -m tests.bench.sync

bench-updates: $(SYNCED) ## measure how many single updates a second are applied
	$(BIN)/python -m tests.bench.updates

bench-commit: $(SYNCED) ## measure how long a click waits to be written down, by what Redis does with its disk
	$(BIN)/python -m tests.bench.commit

bench-pages: $(SYNCED) ## measure the diagnostics views over a million records
	$(BIN)/python -m tests.bench.pages

bench-preview: $(SYNCED) ## measure a preview of a million records
	$(BIN)/python -m tests.bench.preview

bench-delivery: $(SYNCED) ## measure how fast clicks go from the log to DynamoDB
	$(BIN)/python -m tests.bench.delivery

bench-caps: $(SYNCED) ## measure by how many clicks a live cap is overrun
	$(BIN)/python -m tests.bench.caps $(ARGS)

bench-archive: $(SYNCED) ## measure what it costs to keep a click as Parquet
	$(BIN)/python -m tests.bench.archive

bench-reports: $(SYNCED) ## measure reports over 50,000,000 clicks, and clicks meanwhile (needs wrk; ARGS="--clicks 1000000")
	$(BIN)/python -m tests.bench.reports $(ARGS)

bench-timing: $(SYNCED) ## measure whether the time of a refusal tells what is wrong with the link
	$(BIN)/python -m tests.bench.timing

house: $(SYNCED) ## count how large, deep and strictly typed the code is, and what a click passes through (ARGS="DIR --functions")
	$(BIN)/python -m tests.house $(ARGS)

differential: $(SYNCED) ## answer random clicks twice, by the engine and by a plain reading (ARGS="--recipes 100000")
	$(BIN)/python -m tests.differential $(ARGS)

fuzz: $(SYNCED) ## send a worker a million requests of every kind over real sockets
	$(BIN)/python -m tests.fuzz

audit: $(SYNCED) ## look up known vulnerabilities of all packages, where the network allows it
	$(BIN)/python -m tests.security.audit

faults: $(SYNCED) ## kill and starve everything under load, and see that no answered click is lost
	$(BIN)/python -m tests.faults

docs: $(SYNCED) ## write the pages that are made from code
	$(BIN)/python -m tests.docs.configuration

docs-check: $(SYNCED) ## run every command that README and docs tell
	$(BIN)/python -m tests.docs.docs_check

deploy-files: $(SYNCED) ## write what starts the programs (supervisord, systemd, Compose) from deploy/programs.toml
	$(BIN)/python deploy/programs.py

sbom: $(SYNCED) ## list every package that the image ships in var/sbom.json (CycloneDX)
	UV_PROJECT_ENVIRONMENT=var/sbom $(BIN)/uv sync --frozen --quiet --no-dev --extra postgresql
	$(BIN)/cyclonedx-py environment var/sbom --pyproject pyproject.toml --output-reproducible --of JSON -o var/sbom.json

pictures: $(SYNCED) ## take the pictures in docs/pictures anew, by a browser
	PICTURES_INTO=docs/pictures $(BIN)/python -m pytest tests/browser/test_pictures.py

licences: sbom ## write docs/licences.md from it
	$(BIN)/python -m tests.docs.licences

image-check: $(SYNCED) ## build the image and run it, without Docker (needs root and Debian's apt-get)
	$(BIN)/python -m tests.deploy.image_check

clean: ## remove all state: var/ and the caches
	rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environment too
	rm -rf $(VENV)

$(SYNCED): uv.lock pyproject.toml $(BIN)/uv
	$(BIN)/uv sync --frozen --quiet
	@touch $@

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "co-traffic needs Python 3.11, 3.12 or 3.13, and none was found on the PATH." \
		"Install one (Debian: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c '$(SUITABLE)' || { echo "co-traffic needs Python 3.11, 3.12 or 3.13; $(PYTHON) is" \
		"\"$$($(PYTHON) --version 2>&1)\". Name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
