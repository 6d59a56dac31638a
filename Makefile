# Two commands: `make run` starts everything, `make test` checks everything. Both do all the set-up a fresh machine needs.
.DEFAULT_GOAL := help
PY := .venv/bin/python
T ?= tests
.PHONY: run test test-fast lint bench lock help

run: ## start web and worker on http://127.0.0.1:8080 (first time: sets up, makes a demo city, prints four sign-ins)
	@sh .ci/setup run
	@exec $(PY) run.py up

test: ## every test: SQLite, PostgreSQL and the browser (T=path for a part)
	@sh .ci/setup test
	@$(PY) -m pytest $(T) -n 2 --dist loadfile --no-loadscope-reorder -q

test-fast: ## SQLite only, no browser
	@sh .ci/setup test
	@QIJIE_TEST_DATABASES=sqlite $(PY) -m pytest $(T) -n 2 --dist loadfile --no-loadscope-reorder -q -m "not browser"

lint: ## ruff, import contracts, mypy
	@sh .ci/setup test
	@$(PY) -m ruff check . && .venv/bin/lint-imports && $(PY) -m mypy

bench: ## the measurements of docs/benchmarks.md
	@sh .ci/setup test
	@$(PY) -m bench

lock: ## lock dependencies anew after editing pyproject.toml (developers)
	@$(PY) -m uv pip compile -q --universal -p 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	@$(PY) -m uv pip compile -q --universal -p 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements-dev.lock

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="	" read -r t d; do printf '  make %-10s %s\n' "$$t" "$$d"; done
