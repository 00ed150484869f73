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

# A process more than there are cores, for many tests wait; each with one thread and servers of its
# own, and up to 2 GiB of memory.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder --maxprocesses 4 \
  --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1))

test: lint
	$(PYTEST) --ignore tests/faults

# Workers, web, Redis and the store killed, stopped and cut off; disks filled, clocks set.
faults: setup
	$(PYTEST) tests/faults

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
