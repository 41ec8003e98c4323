# P2PFaaS: functions as a service for the edge. `make` says what it can do.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# An image p2pfaas/NAME for each service and each example function.
SERVICES  := scheduler learner discovery
FUNCTIONS := face-recognition echo exponential-loop

# Compose as Docker's plugin, or as the program of its own that it was before.
COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
COMPOSE += --project-name p2pfaas --file docker-compose.yml
ifneq ($(filter aarch64 arm64,$(shell uname -m)),)
COMPOSE += --file docker-compose.arm64.yml
endif

# The photograph of the first call; without one, the image's own sample is used.
PICTURE ?=
# What `make demo` is to be like; `make demo DEMO=--help` lists what there is.
DEMO ?=
# What `make bench` measures, and how; `make bench ARGS=--help` lists what there is.
ARGS ?=

.PHONY: help
help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Running a node

.PHONY: up
up: images ## Starts a node, waits until it is healthy, and calls a function (PICTURE=path)
	$(COMPOSE) up --detach --no-build
	@scripts/await-healthy $$($(COMPOSE) ps --quiet)
	@scripts/first-call $(PICTURE)

.PHONY: down
down: ## Stops the node; what it has learned stays in its volumes
	$(COMPOSE) down

.PHONY: logs
logs: ## Follows the logs of the node
	$(COMPOSE) logs --follow

.PHONY: demo
demo: ## Runs three nodes without Docker, and prints what to try (DEMO="--nodes 5")
	cargo build --locked --release --bins
	target/release/p2pfaas-bench demo $(DEMO)

## Building

.PHONY: images
images: $(SERVICES:%=image-%) $(FUNCTIONS:%=image-%) ## Builds all images; one alone: make image-NAME
	@docker images 'p2pfaas/*'

# The images share their lower layers: the first one compiles, and the others find it done. So they
# are built one after the other, whatever -j says.
.NOTPARALLEL:

.PHONY: $(SERVICES:%=image-%)
$(SERVICES:%=image-%): image-%: base-images
	@echo "Building p2pfaas/$* ..."
	@docker build --quiet --file Dockerfile.$* --tag p2pfaas/$* .

.PHONY: $(FUNCTIONS:%=image-%)
$(FUNCTIONS:%=image-%): image-%: base-images
	@echo "Building p2pfaas/$* ..."
	@docker build --quiet --file functions/$*/Dockerfile --tag p2pfaas/$* .

.PHONY: base-images
base-images: ## Sees to the images that ours start from: here, pulled, or made
	@scripts/base-images

## Working on it

.PHONY: test
test: lint images ## Checks and tests everything, real containers included
	cargo build --locked --workspace --bins
	if command -v cargo-nextest >/dev/null; \
	then cargo nextest run --locked --workspace && cargo test --locked --workspace --doc; \
	else cargo test --locked --workspace; fi
	scripts/try-readme

.PHONY: lint
lint: ## Checks format, lints, documentation, Dockerfiles and Compose files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
	scripts/check-dockerfiles
	$(COMPOSE) config --quiet
	$(COMPOSE) --file docker-compose.arm64.yml config --quiet

.PHONY: fmt
fmt: ## Formats the code
	cargo fmt --all

.PHONY: bench
bench: ## Measures calls through one node and two beside direct ones (ARGS="compare --quick")
	cargo build --locked --release --bins
	$(if $(ARGS),target/release/p2pfaas-bench $(ARGS),target/release/p2pfaas-bench compare && target/release/p2pfaas-bench forward)
