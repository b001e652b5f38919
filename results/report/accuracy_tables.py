"""The table of runs for a terminal."""

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from results.report.cells import NUMBERS, PUBLISHED, cells, has_published, has_top5, note
from results.scoring import scored_in_words
from results.tables import SCORED
from results.terminal_table import Cell, Column, Noted, TerminalTable, name_cell
from results.text import printable


def accuracy_tables(table: pd.DataFrame) -> list[RenderableType]:
    """A table for each image set and way of scoring, and the note below them. `table` is of
    `results.tables.accuracy`.

    Where published figures are beside the rows, or all rows are of one run, each run has tables of its own.
    Below each are the verdicts on the figures published for its weights.
    """
    # pandas groups by no text that is not Unicode
    table = table.assign(**{name: table[name].map(printable) for name in ("model", "run", *SCORED)})
    rows = pd.Series(cells(table), index=table.index)
    together = table["run"].nunique() > 1 and not has_published(table)
    tables: list[RenderableType] = []
    by = ["image_set", *SCORED] if together else ["model", "image_set", *SCORED, "run"]
    for _, part in table.groupby(by, sort=False):
        first = part.iloc[0]
        hidden = {"images", "classes", "labels", "verdict"}  # in the title and below
        images = first["image_set"] + scored_in_words(first["class_set"], first["truth"])
        if part["n"].nunique() == 1:
            images, hidden = f"{images}: n = {first['n']:,}", hidden | {"n"}
        if not together:
            hidden |= {"model"}
        headings = [heading for heading in rows[part.index[0]] if heading not in hidden]
        title = images if together else f"{first['model']}, {images}"
        shown = TerminalTable(title, [_column(heading) for heading in headings])
        next_runs = [*part["run"][1:], ""]
        for index, run, next_run in zip(part.index, part["run"], next_runs, strict=True):
            shown.add_row(*(_cell(heading, rows[index][heading]) for heading in headings))
            if together and run != next_run:
                shown.end_section()
        tables.append(shown)
        held = part[part["verdict"] != ""]
        tables += [Text(printable(f"{row.protocol}: {row.verdict}")) for row in held.itertuples()]
    return [*tables, Text(note(table))]


def epoch_tables(table: pd.DataFrame) -> list[RenderableType]:
    """A table of a training's checkpoints, a line for each epoch and protocol on all images; and the note.

    `table` has a column `epoch` beside those of `results.tables.accuracy`.
    """
    rows = table[table["image_set"] == "all"]
    headings = ["protocol", "top-1 error", *(["top-5 error"] if has_top5(rows) else [])]
    title = f"{rows['model'].iloc[0]}, all: n = {rows['n'].iloc[0]:,}"
    shown = TerminalTable(title, [Column("epoch", right=True), *map(_column, headings)])
    for epoch, row in zip(rows["epoch"], cells(rows), strict=True):
        shown.add_row(str(epoch), *(_cell(heading, row[heading]) for heading in headings))
    return [shown, Text(note(table))]


def _column(heading: str) -> Column:
    return Column(heading, right=heading in NUMBERS, rest="intervals" if heading.endswith("error") else "")


def _cell(heading: str, text: str) -> Cell:
    """The cell, and what stays of it in a narrow terminal: an error without its interval, a figure without
    its source.
    """
    if heading == "model":
        return name_cell(text)
    figure, space, rest = text.partition(" [" if heading in NUMBERS else " (")
    if not space:
        return text
    return Noted(text, figure, rest.removesuffix(")") if heading in PUBLISHED else "")
