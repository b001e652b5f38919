"""What `bench.evaluate` and the others say of their options is what `Options` and the commands say."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest
from typer.main import get_command

import bench
from bench.cli import app
from bench.options import DEFAULTS, Options

FUNCTIONS = {"evaluate": "eval", "ensemble": "ensemble", "import_predictions": "import"}
"""The functions and their commands."""

MEANINGS = {item.name: item.metadata["help"] for item in fields(Options)}
TYPES = get_type_hints(Options)


def parameters(name):
    return inspect.signature(getattr(bench, name)).parameters


def meanings(name):
    """The meaning of each parameter, as the docstring has it."""
    section = inspect.getdoc(getattr(bench, name)).partition("Args:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {option: " ".join(text.split()) for option, text in entries}


def kinds(hint):
    return set(get_args(hint) or [hint])


def shared(name):
    """The parameters that are options of an evaluation. `model` of an import is what tables call it."""
    return [
        each
        for each in parameters(name)
        if each in MEANINGS and (name, each) != ("import_predictions", "model")
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_has_each_parameter_with_the_meaning_of_its_option(name):
    found = meanings(name)
    assert list(found) == list(parameters(name))
    expected = {option: MEANINGS[option] for option in shared(name)}
    assert {option: found[option] for option in expected} == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_defaults_and_types_are_those_of_the_options(name):
    hints = get_type_hints(getattr(bench, name))
    own = {option: parameters(name)[option].default for option in shared(name)}
    assert Options(**own) == DEFAULTS
    for option in own:
        assert set(get_args(TYPES[option]) or [TYPES[option]]) <= set(
            get_args(hints[option]) or [hints[option]]
        )


@pytest.mark.parametrize(("name", "command"), FUNCTIONS.items())
def test_function_has_the_options_of_its_command(name, command):
    of_the_screen = {"as_json", "each", "help", "quiet", "wide"}
    of_python = {"preprocessing"} & set(parameters(name)) | {"progress", "reporter"}
    of_command = {each.name for each in get_command(app).commands[command].params} - of_the_screen
    assert set(parameters(name)) - of_python == of_command


def test_shell_completes_the_functions():
    assert bench.__all__ == ["ensemble", "evaluate", "import_predictions", "open"]
    assert set(bench.__all__) <= set(dir(bench))
    with pytest.raises(AttributeError, match="no attribute 'evaluates'"):
        _ = bench.evaluates


def test_run_opens_without_torch():
    script = "import bench, sys; bench.open; print({'torch', 'timm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
