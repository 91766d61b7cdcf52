# What a developer and CI call. Every target installs what it lacks: on Debian and Ubuntu by itself, elsewhere it names
# the packages and stops.

CARGO ?= cargo
PYTHON ?= python3
ARGS ?=
PYTHON_ENVIRONMENTS := target/python/pymysql-1.1 target/python/pymysql-newest target/python/oslo-db

.PHONY: help build demo test check bench bench-quick bench-micro packages

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: ## Build the release binary
	@tools/require cc
	$(CARGO) build --release

demo: ## Run a scratch MariaDB behind the proxy (make demo ARGS=--once: check and end)
	@tools/require cc mariadbd mariadb
	$(CARGO) run -- demo $(ARGS)

test: packages $(PYTHON_ENVIRONMENTS) ## Run all tests
	$(CARGO) test --lib --bins --tests $(ARGS)
	$(CARGO) test --doc

check: ## What is checked without running a server
	@tools/require cc
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --no-deps
	$(CARGO) test --test config --test docs --test layering
	tools/deny

bench: ## Measure what Sealock costs beside other proxies (make bench ARGS=--help; ARGS=--list: loads and contestants)
	@tools/require cc mariadbd sysbench haproxy strace dejavu
	$(CARGO) bench --bench end_to_end -- $(ARGS)

bench-quick: ## Run every load of the benchmark once, small, in the debug build: whether it works, not how fast
	@tools/require cc mariadbd sysbench haproxy dejavu
	$(CARGO) test --bench end_to_end -- --quick $(ARGS)
	$(CARGO) test --bench micro

bench-micro: ## Measure single steps of the data path (make bench-micro ARGS=sql)
	@tools/require cc mariadbd
	$(CARGO) bench --bench micro -- $(ARGS)

packages:
	@tools/require cc mariadbd mariadb python-venv prometheus

target/python/pymysql-1.1:
	@tools/python-environment $(PYTHON) $@ 'PyMySQL==1.1.*'

target/python/pymysql-newest:
	@tools/python-environment $(PYTHON) $@ 'PyMySQL>=1.2'

target/python/oslo-db:
	@tools/python-environment $(PYTHON) $@ oslo.db SQLAlchemy PyMySQL
