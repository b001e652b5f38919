"""What reaches the user. Of torchrun's ranks only the first prints, and that is decided here."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bench.distributed import is_first, is_news, under_torchrun
from bench.errors import AnotherRankFailed
from results.storage import parse_path, write_output
from results.text import one_line, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.progress import Reporter
    from results.run import Run

OF_SIGNALS = (130, 143)
"""Exit codes of signals, which all ranks get at once."""

LOG = logging.getLogger("inception-bench")

STDOUT = ("-", "/dev/stdout")
"""Names of stdout as an output. Were it opened by its path, a file that it goes to would be replaced."""

UNLIMITED = 10_000
"""Columns where there is no terminal to fit, or with `--wide`: each row is whole and on one line."""


def silence_other_ranks() -> None:
    """Print nothing on stdout from here on, unless this is the first rank."""
    if not is_first():
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end


def be_quiet(quiet: bool) -> None:
    """With `quiet`, show no progress and no notes in this command; errors and results stay.

    The logger's level keeps it, which each command sets when it begins.
    """
    if quiet:
        LOG.setLevel(logging.ERROR)


def is_quiet() -> bool:
    """Whether progress and notes are hidden."""
    return not LOG.isEnabledFor(logging.WARNING)


@contextmanager
def progress() -> "Iterator[Reporter]":
    """The display of an evaluation's progress.

    On the other ranks of torchrun it shows nothing, and the command ends with it: the first one presents
    the results.
    """
    from bench.display import Console
    from bench.progress import Silent

    if not is_first():
        yield Silent()
        raise typer.Exit
    if is_quiet():
        yield Silent()
        return
    with Console() as console:
        yield console


def print_error(message: str, error: BaseException, code: int) -> None:
    """Print an error in one line on stderr; an error that several ranks have is printed once."""
    if isinstance(error, AnotherRankFailed) or (code in OF_SIGNALS and not is_first()):
        return
    line = f"inception-bench: {one_line(message)}"
    if under_torchrun():  # which ends this rank when another one has ended
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if code in OF_SIGNALS or is_news(line):
        print(line, file=sys.stderr)


def note(text: str) -> None:
    """Print something worth knowing, in one line on stderr; of several ranks only the first does."""
    if is_first():
        inform(f"note: {one_line(text)}")


def inform(text: str) -> None:
    """Print a line on stderr that is no result, such as which file was written; not with `--quiet`."""
    if not is_quiet():
        print(printable(text), file=sys.stderr)


def note_adversarial(runs: "Sequence[Run]") -> None:
    """Print a note for each network of the runs whose weights are adversarially trained."""
    from results.names import adversarial_names

    for name in adversarial_names(runs):
        note(f"{name} was trained on adversarial images, too, which no network of the papers was")


def note_clean_runs(runs: "Sequence[Run]") -> None:
    """Print a note for each run that has a clean counterpart beside it which is not among the runs."""
    from results.counterpart import find_clean_run

    for run in runs:
        clean = find_clean_run(run, run.path.parent)
        if clean and clean.identity not in [other.identity for other in runs]:
            note(f"{clean.path} is the same network on validation images: name it, too, for a table of both")


def show(*renderables: "RenderableType", wide: bool = False) -> None:
    """Print tables and text on stdout. Text with `no_wrap` stays on one line, however long it is.

    They fit the terminal, or COLUMNS, which is also for what is no terminal. Without either, and with `wide`,
    they are as wide as they want to be: a file has no width, and whoever searches it wants whole lines.
    """
    from rich.console import Console
    from rich.text import Text

    from results.terminal_table import TerminalTable

    columns = os.environ.get("COLUMNS", "")
    fits = not wide and (sys.stdout.isatty() or (columns.isdecimal() and int(columns)))
    console = Console(highlight=False, markup=False, emoji=False, width=None if fits else UNLIMITED)
    left_out: list[str] = []
    after_table = False
    for number, renderable in enumerate(renderables):
        is_table = isinstance(renderable, TerminalTable)
        if number and (is_table or after_table):
            console.print()
        unbroken = isinstance(renderable, Text) and bool(renderable.no_wrap)
        console.print(renderable, soft_wrap=unbroken, crop=False)
        if isinstance(renderable, TerminalTable):
            left_out += renderable.left_out(console.width)
        after_table = is_table
    if left_out:
        if after_table:
            console.print()
        console.print(Text(f"--wide also shows {', '.join(dict.fromkeys(left_out))}.", style="dim"))


def write_text(output: str, text: str) -> None:
    """Write text to a file, or to stdout for `-`. Names that are not UTF-8 come out as the bytes they are.

    On a terminal each line is made printable.
    """
    if output in STDOUT and sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    data = text.encode("utf-8", "surrogateescape")
    if output in STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write_output(parse_path(output), data)
    inform(f"wrote {output}")
