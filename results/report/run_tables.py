"""The runs in a folder, for a terminal."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from results.run_list import ListedRun
from results.terminal_table import Column, TerminalTable

COLUMNS = (
    *(Column("run"), Column("model", spare=True), Column("data", spare=True)),
    *(Column("protocols", spare=True), Column("images", right=True, spare=True), Column("state")),
    *(Column("top-1 error", right=True), Column("begun (UTC)", spare=True)),
)


def run_table(runs: Sequence[ListedRun]) -> TerminalTable:
    """A row for each run."""
    table = TerminalTable("", COLUMNS)
    for run in runs:
        cells = (
            _last_name(run.run),
            run.model or "-",
            _last_name(run.data) or "-",
            ", ".join(run.protocols) or "-",
            "-" if run.n is None else f"{run.n:,}",
            run.state,
            "-" if run.top1_error is None else f"{run.top1_error:.2f}",
            _minute(run.started),
        )
        table.add_row(*cells)
    return table


def _last_name(path: str) -> str:
    """The name of a file or folder.

    >>> _last_name("s3://bucket/imagenet/val/")
    'val'
    """
    return PurePosixPath(path).name


def _minute(started: str) -> str:
    """A date and time to the minute.

    >>> _minute("2026-11-21T14:42:55+00:00"), _minute("")
    ('2026-11-21 14:42', '-')
    """
    try:
        return f"{datetime.fromisoformat(started):%Y-%m-%d %H:%M}"
    except ValueError:
        return started or "-"
