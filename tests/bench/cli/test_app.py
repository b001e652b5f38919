"""What all commands have in common: help, exit codes, and an error in one line."""

import logging
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from bench.cli import COMMANDS
from bench.cli.app import main
from bench.errors import AnotherRankFailed, BenchError, DataError, Terminated, UsageError, WeightsError
from crops import ProtocolError
from results.errors import IncompleteRun, RunError
from tests.helpers import cli

HELP_IN_A_FRESH_PROCESS = """
import sys
from typer.testing import CliRunner
from bench.cli import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print(sorted({"torch", "timm", "pandas", "numpy", "scipy", "PIL"} & set(sys.modules)))
"""


def test_help_imports_no_large_library():
    command = [sys.executable, "-c", HELP_IN_A_FRESH_PROCESS]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


@cache
def help_of(*command):
    """What `--help` prints."""
    return cli(*command, "--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    assert f"Example: inception-bench {command}" in help_of(command)


def panels(text):
    """Title -> the first words of its lines, of the panels in a help text."""
    found = re.findall(r"^╭─ (.*?) ─+╮$(.*?)^╰", text, re.MULTILINE | re.DOTALL)
    return {title: re.findall(r"^│ (\S+)", lines, re.MULTILINE) for title, lines in found}


def test_help_has_a_line_of_80_columns_for_each_command():
    shown = panels(help_of())
    assert list(shown) == ["Options", "Evaluate", "Look", "Data", "Machine"]
    assert [name for title in list(shown)[1:] for name in shown[title]] == list(COMMANDS)
    lines = re.findall("^│ [a-z].*│$", help_of(), re.MULTILINE)
    assert len(lines) == len(COMMANDS)
    assert {len(line) for line in lines} == {80}


def test_options_are_in_panels_by_what_they_are_about():
    shown = panels(help_of("eval"))
    assert list(shown) == ["Network", "Protocol", "Data", "Machine", "Output"]
    assert [options[0] for options in shown.values()] == ["--model", "--crops", "--data", "--device", "--out"]
    assert shown["Output"][-3:] == ["--json", "--quiet", "--help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_option_is_in_the_same_panel_and_order_in_every_command(command):
    shown = panels(help_of(command))
    for title, options in panels(help_of("eval")).items():
        shared = [option for panel in shown.values() for option in panel if option in options]
        assert shared == [option for option in options if option in shown.get(title, [])]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_with_progress_or_notes_has_quiet(command):
    shows_none = command in ("crops", "models", "protocols", "papers", "experiments")
    assert ("--quiet" in help_of(command)) is not shows_none


def test_version_is_that_of_the_package():
    assert cli("--version").stdout == f"{version('inception-bench')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["evil"], "No such command 'evil'"), (["eval", "--crop"], "No such option: --crop")],
)
def test_unknown_commands_and_options_are_usage_errors(arguments, message):
    done = cli(*arguments, code=2)
    assert message in done.stderr
    assert done.stdout == ""


@pytest.fixture
def fail():
    """A function that calls an app whose only command raises an error."""

    def call(error, *arguments, command="work"):
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback(invoke_without_command=True)(main)

        @app.command(command)
        def work() -> None:
            raise error

        return CliRunner().invoke(app, [*arguments, command])

    level = logging.getLogger("inception-bench").level
    yield call
    logging.getLogger("inception-bench").setLevel(level)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BenchError("no more"), 1, "no more"),
        (WeightsError("no tensor \x1b[31m\x9b\u202e"), 1, r"no tensor \x1b[31m\x9b\u202e"),
        (DataError("no images\nat all"), 1, "no images at all"),
        (UsageError("no such thing"), 2, "no such thing"),
        (ProtocolError("no protocol '11'"), 2, "no protocol '11'"),
        (RunError("no run"), 1, "no run"),
        (IncompleteRun("not yet"), 4, "not yet"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
        (FileNotFoundError(2, "No such file", "a.csv"), 1, "a.csv: No such file"),
        (OSError(28, "No space left on device"), 1, "input or output: No space left on device"),
        (
            ValueError("a riddle"),
            1,
            "ValueError: a riddle (a bug of inception-bench; --debug before the command shows where)",
        ),
    ],
)
def test_error_is_one_line_and_an_exit_code(fail, error, code, line):
    done = fail(error)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"inception-bench: {line}\n")


def test_command_that_continues_says_so_when_it_is_stopped(fail):
    assert fail(KeyboardInterrupt(), command="eval").stderr == (
        "inception-bench: interrupted; the same command continues\n"
    )
    assert fail(Terminated(), command="train").stderr.endswith("terminated; the same command continues\n")


def test_rank_prints_nothing_where_another_one_failed(fail):
    done = fail(AnotherRankFailed("another rank has failed"))
    assert (done.exit_code, done.stderr) == (1, "")


def test_error_of_an_object_store_is_no_bug(fail):
    from botocore.exceptions import ConnectTimeoutError

    done = fail(ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"))
    assert done.exit_code == 1
    assert done.stderr.startswith("inception-bench: ")
    assert "a bug" not in done.stderr


def test_debug_raises_the_error_itself(fail):
    error = BenchError("no more")
    assert fail(error, "--debug").exception is error


def test_debug_prints_the_traceback():
    command = [sys.executable, "-m", "bench", "--debug", "papers", "v9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
