# Sereno. `make demo` shows it; `make test` proves it on real parts. Arguments go through ARGS, e.g. make demo ARGS="--once --json".
.DEFAULT_GOAL := help
PY := .venv/bin/python
ARGS ?=

.PHONY: help demo drill test check bench prove mutants clean

help: ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 10

demo: ## a throw-away city on this machine: press an alert, watch its sirens (--once --json for a single run)
	@./scripts/environment central,gateway,simulator
	@.venv/bin/sereno-sim demo $(ARGS)

drill: ## run a scripted drill: make drill ARGS="simulator/drills/general.toml"
	@./scripts/environment central,gateway,simulator
	@.venv/bin/sereno-sim drill $(ARGS)

test: ## everything, against real mosquitto, MicroPython, SQLite and Chromium
	@./scripts/environment central,gateway,installer,simulator,dev
	@./scripts/system mosquitto "the journeys, links and campaigns cannot run"
	@./scripts/system chromium "the operators' page cannot be looked at"
	@./scripts/system gammu "short messages have no judge"
	@./scripts/system python3-gammu "short messages have no judge"
	@./scripts/system strace "what a store writes to its disk cannot be seen"
	@./scripts/system systemd "the gateway cannot be started as a service"
	@$(PY) -m pytest $(ARGS)

check: ## static: lint, format, types, import contracts, firmware for the boards, file sizes
	@./scripts/environment central,gateway,installer,simulator,dev
	@$(PY) scripts/check.py $(ARGS)

bench: ## figures of the real chain beside their floors, in one run (--json)
	@./scripts/environment central,gateway,simulator
	@./scripts/system mosquitto "there is no broker to measure"
	@$(PY) -m simulator.bench $(ARGS)

prove: ## the long campaigns by number: make prove ARGS="T1 T2 T3 T4 T17 soak --json"
	@./scripts/environment central,gateway,simulator
	@./scripts/system mosquitto "there is no broker to attack"
	@./scripts/system strace "what a store writes to its disk cannot be seen"
	@$(PY) -m simulator.prove $(ARGS)

mutants: ## every check taken out, one by one, to see a test notice
	@./scripts/environment central,gateway,installer,simulator,dev
	@$(PY) scripts/mutants.py $(ARGS)

clean: ## remove the environment and caches
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
