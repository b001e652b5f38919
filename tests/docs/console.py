"""The commands of a page, run in the current folder, one after the other."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner

from bench.cli import app
from tests.docs.pages import CHECKED, Block, PageError, Step, matches

OURS = "inception-bench"
OTHERS = ("cat", "cp", "cut", "diff", "echo", "head", "ls", "mkdir", "mv", "python", "rm", "tail", "wc")
"""Programs that a block of a console may call as well."""

PARTS = re.compile(r"""((?:[^|>"']|"[^"]*"|'[^']*')*)([|>]?)(.*)""", re.DOTALL)
"""A command, its first `|` or `>`, and what follows."""

SHOW_CODE = "echo $?"


@contextmanager
def terminal(folder: Path) -> Iterator[None]:
    """Make `folder` the current one, and the environment like that of a terminal of 80 columns."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    actions = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""}
    environment = patch.dict(os.environ, {"COLUMNS": "80", "PATH": path} | actions)
    with chdir(folder), environment:
        yield


class Console:
    """What the commands of a page have left behind: files, and the exit code of the last one."""

    def __init__(self) -> None:
        self._code = 0
        self._unsaid = 0
        """Line of the last command, if it failed and the page does not say so yet."""

    def write(self, block: Block) -> None:
        """Write a block to the file that its title names."""
        file = Path(block.title)
        if file.is_absolute() or ".." in file.parts:
            raise PageError(block.line, f"{file} is outside of the folder of the page")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, "utf-8")

    def run(self, step: Step) -> None:
        """Run a command. Raises `PageError` if it prints anything else than the page has."""
        shows_code = step.command.strip() == SHOW_CODE
        if not shows_code:
            self.end()
        outputs = self.outputs(step)
        if not any(matches(step.expected, output) for output in outputs):
            printed = "\nwith stderr:\n".join(dict.fromkeys(outputs))
            page = f"exit code {self._code}; the page has:\n{step.expected}"
            raise PageError(step.line, f"{step.command}\n{page}\nprinted:\n{printed}")
        says_it = shows_code or f"{OURS}: " in step.expected
        self._unsaid = 0 if says_it or not self._code else step.line

    def outputs(self, step: Step) -> list[str]:
        """Run a command. Returns what it prints: on stdout, and on stdout and stderr."""
        program = step.command.split()[0]
        if step.command.strip() == SHOW_CODE:
            return [f"{self._code}\n"]
        if program == OURS:
            return self._call(step.command)
        if program in OTHERS:
            return [self._shell(step.command)]
        raise PageError(step.line, f"{program} is not run: write the command into a block of {CHECKED}")

    def end(self) -> None:
        """Raise `PageError` if the last command failed and the page does not say so."""
        if self._unsaid:
            message = f"exit code {self._code}: show it, with `$ echo $?` and {self._code} below"
            raise PageError(self._unsaid, message)

    def _call(self, command: str) -> list[str]:
        """Call this program here. Returns as `outputs`.

        The shell makes its arguments, and does what follows a `|` or `>`.
        """
        ours, sign, rest = PARTS.fullmatch(command).groups()
        words = self._shell(f"printf '%s\\0' {ours}").split("\0")[1:-1]
        done = CliRunner().invoke(app, words)
        says_why = bool(done.exit_code and not done.stdout)
        outputs = [done.output] if says_why else [done.stdout, done.output]
        if sign:
            outputs = [self._shell(f"cat {sign}{rest}", done.stdout_bytes)]
        self._code = done.exit_code or self._code
        return outputs

    def _shell(self, command: str, stdin: bytes = b"") -> str:
        """What the shell prints for a command."""
        done = subprocess.run(["bash", "-c", command], input=stdin, capture_output=True, check=False)
        self._code = done.returncode
        return (done.stdout + done.stderr).decode()
