"""The table on a terminal."""

import sys

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from results.report.cells import HEADING, NOTE, cells

SHOWN = ("protocol", "top-1 error", "top-5 error", "these weights", "paper")
"""The columns of a run's own table; the others are in its title."""


def console() -> Console:
    """Stdout: as wide as the terminal, or wide enough for any table where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def show(table: pd.DataFrame) -> None:
    """Print a table for each run and image set, with its note."""
    out = console()
    for (model, image_set, n, _), rows in table.groupby(["model", "image_set", "n", "run"], sort=False):
        shown = Table(title=escape(f"{model}, {image_set}: n = {n:,}"), title_justify="left", title_style="bold")
        for name in SHOWN:
            shown.add_column(name, justify="right" if "error" in name else "left", overflow="fold")
        for row in cells(rows):
            shown.add_row(*(escape(row[HEADING.index(name)]) for name in SHOWN))
        out.print(shown)
    out.print(NOTE)


def show_epochs(table: pd.DataFrame) -> None:
    """Print a table of a training's checkpoints: a line for each epoch and protocol, all images."""
    rows = table[table["image_set"] == "all"]
    shown = Table(title=escape(f"{rows['model'].iloc[0]}, all: n = {rows['n'].iloc[0]:,}"), title_justify="left", title_style="bold")
    for name in ("epoch", "protocol", "top-1 error", "top-5 error"):
        shown.add_column(name, justify="left" if name == "protocol" else "right")
    for epoch, row in zip(rows["epoch"], cells(rows), strict=True):
        shown.add_row(str(epoch), *(escape(row[HEADING.index(name)]) for name in SHOWN[:3]))
    console().print(shown, NOTE, sep="\n")
