# Tanfang 探访. `make` alone shows what there is.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: setup ## start everything in the foreground; Ctrl-C stops it (settings: docs/deployment.md)
	@TANFANG_DEMO="$${TANFANG_DEMO:-$$(test -n "$$DATABASE_URL" && echo 0 || echo 1)}" \
		exec $(BIN)/python -m coordinator.cli serve

.PHONY: setup
setup: have-python ## make the Python environment and fetch front-end files
	@$(PYTHON) tools/set_up.py

.PHONY: setup-dev
setup-dev: have-python ## the same with what tests and checks need
	@$(PYTHON) tools/set_up.py --dev

.PHONY: have-python
have-python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "Python 3.11 or newer is needed; run: sudo apt-get install python3" >&2; exit 1; }

.PHONY: test
test: setup-dev lint ## everything CI runs: lint, types, import rules, all tests
	$(BIN)/pytest -n 2 --dist loadfile -m 'not alone'
	$(BIN)/pytest -m alone

.PHONY: check
check: test ## the same as CI

.PHONY: test-fast
test-fast: setup-dev ## the quick part: no browser, no journeys
	$(BIN)/pytest -n 2 --dist loadfile -m 'not alone' --ignore=tests/browser --ignore=tests/journeys

.PHONY: lint
lint: setup-dev ## lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: catalogue
catalogue: setup-dev ## bring the English catalogue to the strings of the code; lists what is to be translated
	@$(BIN)/python tools/catalogue.py update

.PHONY: screenshots
screenshots: setup-dev ## take the pictures of the documents from the demo that `make run` shows
	@$(BIN)/python tools/screenshots.py

.PHONY: lock
lock: have-python ## resolve requirements*.in into the lock files
	@$(PYTHON) tools/lock.py

.PHONY: bench-import
bench-import: setup ## time the import of 20,000 elders, clean and with 500 damaged rows
	@$(BIN)/python benchmarks/import.py

.PHONY: bench-claims
bench-claims: setup ## claims per second: bare UPDATE, service, HTTP, and the ratios
	@$(BIN)/python -m benchmarks.claims bench

.PHONY: drill-race
drill-race: setup ## fifty people for one visit, round after round: one gets it
	@$(BIN)/python -m benchmarks.claims race

.PHONY: drill-crowd
drill-crowd: setup ## five hundred people claim two hundred visits at once: none twice, nobody over a limit
	@$(BIN)/python -m benchmarks.claims crowd

.PHONY: bench-open-list
bench-open-list: setup ## one worker's page among 5,000 open visits and 2,000 workers
	@$(BIN)/python -m benchmarks.open_list

.PHONY: bench-pages
bench-pages: setup ## what each page of the demo costs: queries, milliseconds, size
	@$(BIN)/python -m benchmarks.pages

.PHONY: bench-due
bench-due: setup ## what is owed to 100,000 elders: the nightly run, the county's pages, one change
	@$(BIN)/python -m benchmarks.due

N ?= 40
.PHONY: drill-kill
drill-kill: setup ## kill every part under load, N times in random order, and count what is left
	@$(BIN)/python -m benchmarks.drill_kill $(N)

# Settings of the four comparisons: SECONDS= SEEDS= ONLY= (parts of names) ENGINES=ours,ortools,pyvrp,vroom PROCESSES=
# ITERATIONS= OUT=file, INSTANCES=folder of scenario files, PUBLIC=folder of published sets, LONG=seconds of a
# reference run (month), STREETS= ELDERS= WORKERS=1,2 (scale)
COMPARE = $(BIN)/python -m benchmarks.compare
COMPARE_OPTIONS = $(foreach name,seconds seeds only engines processes iterations out instances public long streets \
	elders workers,$(if $($(shell echo $(name) | tr a-z A-Z)),--$(name) $($(shell echo $(name) | tr a-z A-Z))))

.PHONY: setup-bench
setup-bench: setup ## add the solvers that the engine is compared with (PyVRP, VROOM) and matplotlib
	@$(BIN)/python -m pip install --quiet '.[bench]'

.PHONY: bench-day
bench-day: setup ## days of 50 to 1,000 visits: ours, OR-Tools, PyVRP, VROOM side by side
	@$(COMPARE) day $(COMPARE_OPTIONS)

.PHONY: bench-month
bench-month: setup ## months of 300 to 10,000 elders: the same engines
	@$(COMPARE) month $(COMPARE_OPTIONS)

.PHONY: bench-public
bench-public: setup ## published instance sets in PUBLIC=folder, with their best known costs
	@$(COMPARE) public $(COMPARE_OPTIONS)

.PHONY: bench-scale
bench-scale: setup ## a county of 50 streets on the site, from due list to stored routes, one worker and two
	@$(COMPARE) scale $(COMPARE_OPTIONS)

.PHONY: bench-render
bench-render: setup ## write docs/benchmarks.md and its pictures from RESULTS="file file …"
	@$(BIN)/python -m benchmarks.render $(RESULTS)

.PHONY: roads
roads: have-python ## road times from a map: PBF=map.osm.pbf [MODES=walk,bike,car] [PORT=5001]; runs until Ctrl-C
	@$(PYTHON) tools/roads.py run "$(PBF)" $(if $(MODES),--modes $(MODES)) $(if $(PORT),--port $(PORT))

.PHONY: roads-get
roads-get: have-python ## fetch the road engine (a wheel, only unpacked) for `make roads`
	@$(PYTHON) tools/roads.py fetch
