"""The runs in a folder, for a terminal."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from rich.table import Table

from results.report.titled_table import cell
from results.run_list import ListedRun

HEADINGS = ("run", "model", "data", "protocols", "n", "state", "top-1 error", "begun (UTC)")
RIGHT = ("n", "top-1 error")


def run_table(runs: Sequence[ListedRun]) -> Table:
    """A row for each run."""
    table = Table()
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in RIGHT else "left", overflow="fold")
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
        table.add_row(*map(cell, cells))
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
