# Two commands for a newcomer: `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint lock clean

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

# Pins what pyproject.toml asks for. A CPU build's local version (+cpu) must not be pinned.
lock: setup
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --all-extras --no-header \
	  --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --no-emit-options \
	  --no-annotate --output-file requirements.lock pyproject.toml
	sed -i -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e '/^opencv-python==/d' requirements.lock
	grep '^insightface==' requirements.lock > requirements-no-deps.lock
	sed -i '/^insightface==/d' requirements.lock

clean:
	rm -rf $(VENV) lethe-data *.egg-info
