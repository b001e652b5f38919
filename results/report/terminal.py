"""The table on a terminal."""

import sys

import pandas as pd
from rich.console import Console
from rich.table import Table

from results.report.cells import HEADING, NOTE, cells


def console() -> Console:
    """Stdout: as wide as the terminal, or wide enough for any table where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def show(table: pd.DataFrame) -> None:
    """Print the table with its note."""
    shown = Table()
    for name in HEADING:
        shown.add_column(name, justify="right" if name == "n" or "error" in name else "left", overflow="fold")
    last = None
    for row in cells(table):
        if last and last != row[2]:
            shown.add_section()
        last = row[2]
        shown.add_row(*row)
    console().print(shown, NOTE, markup=False, sep="\n")
