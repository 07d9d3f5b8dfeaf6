# Everything a newcomer types. The first target that needs Python makes the virtual environment.
PYTHON ?= python3
# Another TensorFlow than that of setup.cfg, in an environment of its own, its release candidates too: make test TENSORFLOW=2.22
TENSORFLOW ?=
VENV   ?= .venv$(addprefix -,$(TENSORFLOW))
BIN    := $(VENV)/bin
# Test processes side by side, each with all tests of a file.
JOBS   ?= 2
TESTS  := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help install demo test test-all test-parity test-jax lint docs benchmark clean

help:                    ## what can be made
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

install: $(VENV)/installed  ## TensorFlow and the rest into .venv, about a minute

$(VENV)/installed: setup.cfg setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "segan_tl needs Python 3.11, 3.12 or 3.13, which TensorFlow has; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Installing TensorFlow and the rest (2.8 GB) into $(VENV): about a minute"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --quiet --upgrade pip
	@$(BIN)/pip install --quiet --quiet --editable '.[dev]'
	@test -z "$(TENSORFLOW)" || $(BIN)/pip install --quiet --quiet "tensorflow~=$(TENSORFLOW).0rc0"
	@# A candidate brings keras-nightly, which lies over keras in the same folder.
	@test -z "$(TENSORFLOW)" || $(BIN)/pip uninstall --quiet --quiet --yes keras-nightly
	@test -z "$(TENSORFLOW)" || $(BIN)/pip install --quiet --quiet --force-reinstall --no-deps keras
	@touch $@

demo: install            ## FLAIR on the built-in synthetic cohort, then from FLAIR to T2: test Dice and pictures
	$(BIN)/python train_segan.py --modality flair
	$(BIN)/python transfer.py --source flair --target t2 --freeze-critic

test: install            ## the suite, eleven minutes on two cores
	$(TESTS)

test-all: install        ## the slow ones too, and those of radiomics (installs MIRP, 1.6 GB)
	$(BIN)/pip install --quiet --quiet --editable '.[dev,radiomics]'
	$(BIN)/python -m pytest -m "slow or not slow"

test-parity: install     ## networks beside their PyTorch originals (installs PyTorch for the CPU, nnU-Net's networks, MONAI)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --quiet --editable '.[dev,parity]'
	$(BIN)/python -m pytest -m parity

test-jax: install        ## networks under Keras' JAX backend, five minutes (installs JAX for the CPU)
	$(BIN)/pip install --quiet --quiet --editable '.[dev,jax]'
	$(BIN)/python -m pytest -m slow tests/models/test_jax.py tests/models/test_jax_builders.py tests/test_jax_steps.py

lint: install            ## flake8
	$(BIN)/python -m flake8 segan_tl tests benchmarks docs setup.py train_segan.py transfer.py

docs: install            ## the site of README and docs/, in site/ (installs mkdocs-material); a dead link is an error
	$(BIN)/pip install --quiet --quiet --editable '.[docs]'
	$(BIN)/python docs/make_configuration.py
	$(BIN)/python docs/make_scores.py
	$(BIN)/python -m mkdocs build --strict

benchmark: install       ## training and inference speed beside PyTorch (installs PyTorch for the CPU)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/python benchmarks/segan_speed.py

clean:                   ## remove .venv and what was built
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache
