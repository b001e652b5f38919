"""The commands of a page, run in the current folder, one after the other."""

import re
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from bench.cli import app
from tests.docs.pages import CHECKED, Block, PageError, Step, matches

OURS = "inception-bench"
OTHERS = ("cat", "cp", "cut", "diff", "echo", "head", "ls", "mkdir", "mv", "python", "rm", "tail", "wc")
"""Programs that a block of a console may call as well."""

PARTS = re.compile(r"""((?:[^|>"']|"[^"]*"|'[^']*')*)([|>]?)(.*)""", re.DOTALL)
"""A command, its first `|` or `>`, and what follows."""


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
        if step.command.strip() == "echo $?":
            self._compare(step, [f"{self._code}\n"])
            self._unsaid = 0
            return
        self.end()
        program = step.command.split()[0]
        if program == OURS:
            outputs = self._call(step.command)
        elif program in OTHERS:
            outputs = [self._shell(step.command)]
        else:
            raise PageError(step.line, f"{program} is not run: write the command into a block of {CHECKED}")
        self._compare(step, outputs)
        if self._code and f"{OURS}: " not in step.expected:
            self._unsaid = step.line

    def end(self) -> None:
        """Raise `PageError` if the last command failed and the page does not say so."""
        if self._unsaid:
            message = f"exit code {self._code}: show it, with `$ echo $?` and {self._code} below"
            raise PageError(self._unsaid, message)

    def _call(self, command: str) -> list[str]:
        """Call this program here. Returns what it prints on stdout, and on stdout and stderr.

        The shell makes its arguments, and does what follows a `|` or `>`.
        """
        ours, sign, rest = PARTS.fullmatch(command).groups()
        words = self._shell(f"printf '%s\\0' {ours}").split("\0")[1:-1]
        done = CliRunner().invoke(app, words)
        outputs = [done.stdout, done.output]
        if sign:
            outputs = [self._shell(f"cat {sign}{rest}", done.stdout_bytes)]
        self._code = done.exit_code or self._code
        return outputs

    def _shell(self, command: str, stdin: bytes = b"") -> str:
        """What the shell prints for a command."""
        done = subprocess.run(["bash", "-c", command], input=stdin, capture_output=True, check=False)
        self._code = done.returncode
        return (done.stdout + done.stderr).decode()

    def _compare(self, step: Step, outputs: list[str]) -> None:
        if any(matches(step.expected, output) for output in outputs):
            return
        printed = "\nwith stderr:\n".join(dict.fromkeys(outputs))
        message = (
            f"{step.command}\nexit code {self._code}; the page has:\n{step.expected}\nprinted:\n{printed}"
        )
        raise PageError(step.line, message)
