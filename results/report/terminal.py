"""The table on a terminal."""

import sys
from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from results.report.cells import NUMBERS, cells, has_published, note


def console() -> Console:
    """Stdout: as wide as the terminal, or wide enough for any table where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def show(table: pd.DataFrame) -> None:
    """Print a table for each run and image set, with its note; or for each image set, where nothing published stands beside."""
    rows = pd.Series(cells(table), index=table.index)
    together = table["run"].nunique() > 1 and not has_published(table)
    out = console()
    for _, part in table.groupby(["image_set"] if together else ["model", "image_set", "run"], sort=False):
        first = part.iloc[0]
        title = f"{'' if together else first['model'] + ', '}{first['image_set']}: n = {first['n']:,}"
        names = [
            name
            for name in rows[part.index[0]]
            if name not in ("images", "n") and (together or name != "model")
        ]
        shown = _table(title, names)
        for at, after in zip(part.index, [*part["run"][1:], ""], strict=True):
            shown.add_row(
                *(escape(rows[at][name]) for name in names), end_section=together and part["run"][at] != after
            )
        out.print(shown)
    out.print(note(table))


def show_epochs(table: pd.DataFrame) -> None:
    """Print a table of a training's checkpoints: a line for each epoch and protocol, all images."""
    rows = table[table["image_set"] == "all"]
    names = ("protocol", "top-1 error", "top-5 error")
    shown = _table(f"{rows['model'].iloc[0]}, all: n = {rows['n'].iloc[0]:,}", ("epoch", *names))
    for epoch, row in zip(rows["epoch"], cells(rows), strict=True):
        shown.add_row(str(epoch), *(escape(row[name]) for name in names))
    console().print(shown, note(table), sep="\n")


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in ("epoch", *NUMBERS) else "left", overflow="fold")
    return table
