# What there is to do in a checkout; each target sets up what it needs. Needs nothing but make and a Python >= 3.11.

PYTHON ?= python3
BIN := .venv/bin

# Interpreters are never downloaded: the one that runs the set-up is the one that is used.
export UV_PYTHON_DOWNLOADS := never

# Programs of many client libraries, with environments of their own: the tests start them, scenarios do not.
CLIENTS := fixtures/clients

.NOTPARALLEL:
.PHONY: help setup test scenarios bench stability soak timers fuzz-wire nightly clean

help:
	@echo "make scenarios          sets up, runs every incident scenario on real brokers, prints the verdicts"
	@echo "make test               sets up, then lint, types, import layers and the harness's own tests with coverage"
	@echo "make bench [ROWS=PATTERN] measures what the harness costs here, as ROWS='amqp.*'; writes .harness/bench/latest.json"
	@echo "make stability [N=10]   all scenarios N times, plain, with -n 2 and busy, and S2-02 15 N times; every difference is written"
	@echo "make nightly            the scenarios on every stack and series of RabbitMQ, and what runs for long; two hours and a half"
	@echo "make soak [SECONDS=1800] mixed faults and traffic for so long: nothing is lost, nothing grows; writes .harness/soak/latest.json"
	@echo "make timers             timers of brokers and programs at speeds 1, 20 and 100; ten minutes; writes .harness/timers/latest.json"
	@echo "make fuzz-wire [MUTATIONS=1000000] [SEED=...] mutated streams against the decoders of every wire: nothing raises or changes a byte"
	@echo "make setup              only the set-up: .venv, LocalStack, RabbitMQ and Toxiproxy in the user's cache"
	@echo "make clean [CACHE=1]    removes what set-up and runs left here; with CACHE=1 the tools in the cache too"

setup:
	@$(PYTHON) harness/stack/bootstrap.py .
	@$(BIN)/harness provision

# Two at a time: most of a scenario is waiting for timers, which the start of another fills.
scenarios: setup
	$(BIN)/pytest -n 2 --dist worksteal scenarios

bench: setup
	@set -f; $(BIN)/python -m tests.bench $(ROWS)

N ?= 10
stability: setup
	@$(BIN)/python -m tests.stability $(N) $(OPTIONS)

nightly: setup
	@$(BIN)/python -m tests.nightly $(if $(REQUIRE),--require $(REQUIRE))

SECONDS ?= 1800
soak: setup
	@$(BIN)/python -m tests.soak $(SECONDS)

timers: setup
	@$(BIN)/python -m tests.timers

MUTATIONS ?= 1000000
fuzz-wire: setup
	@$(BIN)/python -m tests.fuzz $(MUTATIONS) $(SEED)

# The plugin is loaded by pytest before any other plugin could start coverage, so coverage starts pytest. Most tests wait for real
# services, so two workers halve the time; they share one stack.
test: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@HARNESS_SERVICES=$(CLIENTS) $(BIN)/harness provision
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadfile tests
	$(BIN)/coverage combine --quiet
	@echo "---- coverage of the tests themselves: 100 % is needed (an assertion that never runs shows here)"
	$(BIN)/coverage report --include='tests/*' --omit="$$($(BIN)/python -m tests.runtimes)" --fail-under=100
	@echo "---- coverage of the harness: 95 % is needed"
	$(BIN)/coverage report --include='harness/*' --fail-under=95

clean:
ifeq ($(CACHE),1)
	@$(PYTHON) harness/stack/bootstrap.py --clear
endif
	rm -rf .venv .harness .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
