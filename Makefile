# Everything for a fresh clone. It needs Python 3.11 or later and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test soak lint docs install constraints clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[dev,caffe,hf,onnx,pytorchcv,s3]'
	touch $@

demo: install
	$(BIN)/inception-bench demo

test: install
	$(BIN)/pytest -n 2 --dist loadfile

soak: install  # the long tests
	$(BIN)/pytest -n 2 --dist worksteal tests/soak

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install  # the site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

constraints:  # takes the newest version of everything, in an environment of its own
	rm -rf .venv-new && $(PYTHON) -m venv .venv-new
	.venv-new/bin/pip install -q '.[dev,caffe,hf,onnx,pytorchcv,s3]'
	echo '# The versions that the tests run with. Made by `make constraints`.' > constraints.txt
	.venv-new/bin/pip freeze --exclude inception-bench >> constraints.txt
	rm -rf .venv-new

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
