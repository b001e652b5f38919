"""A paper's tables beside ours, and what it would take to run them, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from results.report.cells import duration, error_cell
from results.terminal_table import Cell, Column, Noted, TerminalTable, name_cell, reason
from results.text import crops_in_words, printable

COLUMNS = (
    *(Column("network"), Column("crops"), Column("images"), Column("n", right=True)),
    *(Column("paper", right=True), Column("measured", rest="intervals")),
    *(Column("difference", right=True, spare=True), Column("these weights", right=True, spare=True)),
    *(Column("run with"), Column("verdict")),
)


def reproduction_tables(records: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Each table of the paper with its figures and ours, top-1 / top-5, and the networks that stand for its
    rows. Images that all rows are of are in the title. Below it are its notes.

    `records` are those of `reproduce`, one for each row of the tables.
    """
    shown: list[RenderableType] = []
    for name in dict.fromkeys(record["table"] for record in records):
        rows = [record for record in records if record["table"] == name]
        image_sets = dict.fromkeys(row["image_set"] for row in rows)
        counts = dict.fromkeys(f"{row['n']:,}" for row in rows if row["n"] is not None)
        images = [*(image_sets if len(image_sets) == 1 else ())]
        images += [f"n = {n}" for n in counts if len(counts) == 1]
        table = TerminalTable(f"{name}: {', '.join(images)}" if images else name, COLUMNS)
        for row in rows:
            table.add_row(
                name_cell(_network(row)),
                row["protocol"],
                row["image_set"] if len(image_sets) > 1 else "",
                f"{row['n']:,}" if len(counts) > 1 and row["n"] is not None else "",
                _pair(row["published_top1"], row["published_top5"]),
                _measured(row),
                _pair(row["difference_top1"], row["difference_top5"], "+.2f"),
                _pair(row["weights_top1"], row["weights_top5"]),
                _run_with(row),
                reason(row["verdict"]),
            )
        shown.append(table)
        shown += [Text(printable(f"{_row_in_words(row)}: {row['note']}")) for row in rows if row["note"]]
    return [*shown, Text("Errors in percent, top-1 / top-5, with 95 % Wilson intervals.")]


def _network(row: Mapping[str, Any]) -> str:
    """The paper's name, with the number of networks where that does not say it."""
    several = row["networks"] not in ("", "1") and "+" not in row["model"]
    return f"{row['network']} x {row['networks']}" if several else str(row["network"])


def _row_in_words(row: Mapping[str, Any]) -> str:
    """The network and its crops, where the paper says how many."""
    return ", ".join(filter(None, (_network(row), row["protocol"] and crops_in_words(row["protocol"]))))


def _run_with(row: Mapping[str, Any]) -> Cell:
    """Which networks with which weights stand for a row."""
    members = ", ".join(row["members"])
    if members and row["best_of"] > 1:
        members += f", the one of {row['best_of']} trainings with the lowest top-1 error"
    return Noted(members, "", members) if members else ""


def _pair(top1: float | None, top5: float | None, form: str = ".2f") -> str:
    """Two figures, with a dash for one that is not known.

    >>> _pair(None, 6.67), _pair(None, None)
    ('- / 6.67', '-')
    """
    texts = ["-" if value is None or pd.isna(value) else format(value, form) for value in (top1, top5)]
    return "-" if texts == ["-", "-"] else " / ".join(texts)


def _measured(row: Mapping[str, Any]) -> Cell:
    """The measured errors with their intervals."""
    if row["n"] is None:
        return "-"
    top1 = error_cell(row["top1_error"], row["top1_low"], row["top1_high"])
    top5 = error_cell(row["top5_error"], row["top5_low"], row["top5_high"])
    return Noted(f"{top1} / {top5}", _pair(row["top1_error"], row["top5_error"]))


def estimate_tables(
    listed: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, str]]
) -> list[RenderableType]:
    """What `reproduce` would run, with its cost here, and the rows that it would not run, with the reason."""
    columns = (
        *(Column("network"), Column("weights"), Column("crops"), Column("images", right=True, spare=True)),
        *(Column("crops in all", right=True, spare=True), Column("multiply-adds", right=True, spare=True)),
        Column("about", right=True),
    )
    table = TerminalTable("", columns)
    for one in listed:
        table.add_row(
            one["network"],
            one["weights"],
            one["crops"],
            f"{one['images']:,}",
            f"{one['crops_in_all']:,}",
            f"{one['multiply_adds'] / 1e15:,.3g} P",
            duration(one["seconds"]),
        )
    seconds = sum(one["seconds"] for one in listed)
    total = (
        f"in all about {duration(seconds)} here, the slowest stages alone; crops by the first images' shapes"
    )
    reasons = (f"not run: {row['network']}: {row['why']}" for row in without)
    return [table, *(Text(printable(line)) for line in (total, *reasons))]
