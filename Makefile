# Tocsin. `make help` lists what can be done.
SHELL := /bin/bash
PREFIX ?= /usr/local
SWIFT_FLAGS ?=
RELEASE_FLAGS := -c release --static-swift-stdlib
DEBUG_FLAGS := --explicit-target-dependency-import-check error
RELEASE_BIN = $(shell swift build $(RELEASE_FLAGS) $(SWIFT_FLAGS) --show-bin-path)

.PHONY: help run build test unit-test integration-test bench fuzz conformance format lint install clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Build in release mode and start Tocsin with its demo environment (Ctrl-C stops it)
	@TOCSIN_BIN="$(RELEASE_BIN)/tocsin" deploy/local/run.sh

build: ## Build tocsin and sloctl in release mode
	@scripts/dependencies.sh build
	swift build $(RELEASE_FLAGS) $(SWIFT_FLAGS) --product tocsin
	swift build $(RELEASE_FLAGS) $(SWIFT_FLAGS) --product sloctl
	@scripts/demo-secret.sh

test: unit-test integration-test ## Run every test

# One at a time: tests that compute would starve those that wait for real clients and servers.
unit-test: ## Run the Swift tests
	@scripts/dependencies.sh test
	@scripts/python-environment.sh
	swift build --build-tests $(DEBUG_FLAGS) $(SWIFT_FLAGS)
	swift test --skip-build --no-parallel $(DEBUG_FLAGS) $(SWIFT_FLAGS)

integration-test: ## Run the tests against real counterparts (moto, Prometheus, fluent-logger)
	@scripts/dependencies.sh test
	@scripts/python-environment.sh
	swift build $(DEBUG_FLAGS) $(SWIFT_FLAGS) --product tocsin
	swift build $(DEBUG_FLAGS) $(SWIFT_FLAGS) --product sloctl
	swift build $(DEBUG_FLAGS) $(SWIFT_FLAGS) --product promql-conformance
	TOCSIN_BIN="$$(swift build $(DEBUG_FLAGS) $(SWIFT_FLAGS) --show-bin-path)" .venv/bin/pytest -q -p no:cacheprovider Tests/Integration

bench: build ## Compare with Prometheus and VictoriaMetrics, 5 minutes (MODE=full: 45; PARTS="ingest rules")
	@scripts/dependencies.sh bench
	@TOCSIN_BIN="$(RELEASE_BIN)" Tests/Benchmarks/run.sh $(if $(filter full,$(MODE)),,--quick) $(PARTS)

fuzz: ## Fuzz each decoder of outside bytes (SECONDS_EACH=30)
	@scripts/dependencies.sh build
	Tests/Fuzzing/run.sh $(or $(SECONDS_EACH),30)

conformance: ## Evaluate every promql-cases/1 file below CASES, one result a line
	@test -n "$(CASES)" || { echo "usage: make conformance CASES=FOLDER" >&2; exit 64; }
	@scripts/dependencies.sh build >&2
	@swift build -c release $(SWIFT_FLAGS) --product promql-conformance >&2
	@"$$(swift build -c release $(SWIFT_FLAGS) --show-bin-path)/promql-conformance" "$(CASES)"

format: ## Format every Swift file
	swift format --in-place --recursive Sources Tests

lint: ## Check formatting and style
	swift format lint --strict --recursive Sources Tests

install: build ## Install tocsin, sloctl and tocsinctl below PREFIX (/usr/local)
	@scripts/install.sh "$(RELEASE_BIN)" "$(PREFIX)"

clean: ## Remove what builds and runs have made
	rm -rf .build .venv var
