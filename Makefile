# Two commands for a newcomer: `make demo` and `make test`; `make faults` takes some minutes more.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test faults lint translations lock images-check clean

setup: $(VENV)/installed

$(VENV)/installed: requirements.lock requirements-no-deps.lock docker/install.sh pyproject.toml
	@echo "Installing the pinned environment into $(VENV) (a minute or two, once) …"
	@docker/install.sh $(VENV)
	@touch $@

demo: setup
	@$(BIN)/lethe demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# One process a core, each with one thread and servers of its own, and up to 2 GiB of memory.
PYTEST = $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
  --dist loadfile --no-loadscope-reorder

# What kills, stops and cuts off workers, web, Redis and the store, fills disks and sets clocks.
FAULTS = tests/faults tests/stack/test_ending.py tests/workers/test_interruptions.py \
  tests/workers/test_killed_process.py tests/workers/test_stopping.py

test: lint
	$(PYTEST) $(FAULTS:%=--ignore=%)

faults: setup
	$(PYTEST) $(FAULTS)

# Takes new texts of the pages into each catalogue and compiles it; a test fails until both are
# committed. What is left to translate: `grep -A1 '^msgid' FILE.po | grep '^msgstr ""$'`.
translations: setup
	pot=$$(mktemp) && \
	$(BIN)/pybabel -q extract -F pyproject.toml --no-wrap --sort-by-file --add-location file \
	  --project Lethe -o $$pot . && \
	$(BIN)/pybabel -q update --no-wrap --no-fuzzy-matching --ignore-obsolete \
	  --ignore-pot-creation-date -i $$pot -d web/translations && rm $$pot
	$(BIN)/pybabel -q compile -d web/translations

# Pins what pyproject.toml asks for, for development and for each image.
lock: setup
	docker/lock.sh $(VENV) --upgrade

# What the images' build does, without a container engine: minutes.
images-check:
	docker/check.sh web
	docker/check.sh worker

clean:
	rm -rf $(VENV) lethe-data *.egg-info
