# Two commands for a newcomer: `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint translations lock images-check clean

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
test: lint
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
	  --dist loadfile --no-loadscope-reorder

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
