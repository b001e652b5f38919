"""Whatever becomes of stdin, stdout and stderr, a command does its work and has its exit code."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import cli, random_run

PROGRAM = f"{shlex.quote(sys.executable)} -m bench"
FULL = "inception-bench: input or output: No space left on device\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a run, a baseline that it passes, and one that it fails."""
    folder = tmp_path_factory.mktemp("streams")
    run = random_run(folder / "run", 0)
    cli("check", run.path, "--against", folder / "passes.csv", "--update")
    cli("report", run.path, "--format", "csv", "-o", folder / "table.csv")
    table = (folder / "passes.csv").read_text()
    (folder / "fails.csv").write_text(table.replace("net0", "net1"))
    return folder


def in_shell(folder, command, **options):
    """Run a command of `bash` in the folder, with stdout buffered as it usually is."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    words = ["bash", "-c", command.replace("BENCH", PROGRAM)]
    usual = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    return subprocess.run(words, **usual | options)


COMMANDS = [
    ("check run --against passes.csv", 0),
    ("check run --against fails.csv --json", 3),
    ("report run", 0),
]


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_closed_stdout_does_not_change_the_exit_code(folder, command, code):
    done = in_shell(folder, f"BENCH {command} >&-")
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_reader_that_is_gone_does_not_change_the_exit_code(folder, command, code):
    """`head` is gone when it has read enough."""
    reading, writing = os.pipe()
    os.close(reading)
    done = in_shell(folder, f"BENCH {command}", capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("command", ["check run --against fails.csv --json", "--version"])
def test_full_stdout_is_an_error_in_one_line(folder, command):
    done = in_shell(folder, f"BENCH {command} >/dev/full")
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_stdout_has_the_json_alone_where_stderr_is_closed_or_full(folder, stream):
    done = in_shell(folder, f"BENCH check run --against renewed.csv --update --json {stream}")
    assert done.returncode == 0
    assert json.loads(done.stdout)["passed"]


def test_closed_streams_are_not_taken_by_files(folder):
    """Else what is printed would be in the next file that is opened."""
    done = in_shell(folder, "BENCH report run -o table.json <&- >&- 2>&-")
    assert done.returncode == 0
    assert list(json.loads((folder / "table.json").read_text())) == ["rows"]


def test_path_that_is_not_utf_8_is_no_bug(folder):
    other = random_run(folder / "other", 1)
    assert other.complete
    options = "--out $'runs\\xff'"
    done = in_shell(folder, f"PYTHONIOENCODING=ascii:strict BENCH ensemble run other {options}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(r"run: runs\udcff/net0+net1-val-10-")


def test_terminal_gets_no_escapes_of_a_name(folder):
    """A file or a pipe gets the names as they are."""
    random_run(folder / "run\x1b[31m", 0)
    name = "$'run\\x1b[31m'"
    assert "run\x1b[31m" in in_shell(folder, f"BENCH report {name} --format csv").stdout
    terminal, inside = os.openpty()
    options = {"capture_output": False, "stdout": inside, "stderr": inside, "stdin": inside}
    assert in_shell(folder, f"BENCH report {name} --format csv", **options).returncode == 0
    os.close(inside)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert r"run\x1b[31m" in shown
    assert "\x1b" not in shown
