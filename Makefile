# make demo   set everything up and run the main job on drawn pedestrians
# make test   set everything up and run the fast tests
# make mutate change the core in 200 small ways, one at a time, and see whether the tests notice; SEED=1 takes others
# make TORCH_INDEX=https://download.pytorch.org/whl/cpu demo    the same with PyTorch from that package index: its CPU build
# make docs   build the site into docs/_build/html; a warning or a broken link within it is an error
# make fuzz SEED=1   hand damaged files and senseless commands to cdnet, other ones for each seed; ten minutes (MINUTES)
# make kills SEED=1  kill -9 cdnet's commands 100 times (KILLS) at random moments, and see that nothing is lost
PYTHON ?= python3
TORCH_INDEX ?=
SEED ?= 0
MINUTES ?= 10
COUNT ?= 200
KILLS ?= 100
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo docs test test-slow fuzz kills lint mutate clean

demo: $(READY)
	$(BIN)/cdnet demo --out demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

fuzz: $(READY)
	$(BIN)/python -m tools.fuzz --seed $(SEED) --minutes $(MINUTES)

kills: $(READY)
	$(BIN)/python -m tools.fuzz.kills --seed $(SEED) --count $(KILLS)

docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

lint: $(READY)
	$(BIN)/ruff check src tests tools docs
	$(BIN)/ruff format --check src tests tools docs
	$(BIN)/mypy

mutate: $(READY)
	$(BIN)/python tools/mutation --seed $(SEED) --count $(COUNT)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "cdnet needs Python 3.11 or newer; say which with: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@$(BIN)/python tools/announce_torch.py $(TORCH_INDEX)
ifneq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --index-url $(TORCH_INDEX) \
	  --no-deps -c constraints.txt torch
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv demo build docs/_build
