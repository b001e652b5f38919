# Everything for a fresh clone. It needs Python 3.11 or later and make.
#
# `make demo TORCH=cpu` takes the build of torch for machines without a GPU, at least 4 GB less;
# `make demo TORCH=cu126` one for drivers that are too old for CUDA 13. See docs/installation.md.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INDEX ?= https://download.pytorch.org/whl
# the build of torch, by its name in PyTorch's index; nothing for the registry's
TORCH ?= $(shell cat $(VENV)/installed 2>/dev/null)

ifeq ($(TORCH),)
CONSTRAINTS := constraints.txt
SIZE := about 7 GB, most of it the CUDA 13 build of torch
else
CONSTRAINTS := $(VENV)/constraints.txt
SIZE := about 2 GB, and the build $(TORCH) of torch
endif

.PHONY: demo test soak lint docs install same-build names dist constraints clean

install: $(VENV)/installed

# since 25.1 pip shows a bar while it unpacks; the pins of cuda, nvidia and triton are of the CUDA 13 build
$(VENV)/installed: pyproject.toml constraints.txt | same-build
	@echo 'Installing into $(VENV): $(SIZE) (see docs/installation.md)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q 'pip>=25.1'
ifneq ($(TORCH),)
	$(PIP) install --index-url $(INDEX)/$(TORCH) $$(grep -E '^torch(vision)?==' constraints.txt)
	grep -vE '^(cuda|nvidia|triton)' constraints.txt > $(CONSTRAINTS)
endif
	$(PIP) install --no-compile -c $(CONSTRAINTS) -e '.[dev,caffe,detection,hf,onnx,pytorchcv,s3]'
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # on all cores; templates in packages are no Python
	@echo '$(TORCH)' > $@

same-build:
	@[ ! -e $(VENV)/installed ] || [ "$$(cat $(VENV)/installed)" = '$(TORCH)' ] || { \
		echo '$(VENV) has another build of torch: run "make clean" first, or add VENV=.venv-$(TORCH)' >&2; \
		exit 2; }

demo: install
	$(BIN)/inception-bench demo

test: install
	$(BIN)/pytest -n 2 --dist worksteal

soak: install  # the long tests
	$(BIN)/pytest -n 2 --dist worksteal tests/soak

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

names: install  # adds new names to tests/stable_names.json
	ADD_STABLE_NAMES=1 $(BIN)/pytest -q tests/test_stable_names.py

dist: install  # the wheel and the sdist
	$(BIN)/python -m hatchling build

docs: install  # the site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

constraints:  # takes the newest version of everything, in an environment of its own
	rm -rf .venv-new && $(PYTHON) -m venv .venv-new
	.venv-new/bin/pip install '.[dev,caffe,detection,hf,onnx,pytorchcv,s3]'
	echo '# The versions that the tests run with. Made by `make constraints`.' > constraints.txt
	.venv-new/bin/pip freeze --exclude inception-bench >> constraints.txt
	rm -rf .venv-new

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
