"""A paper's tables beside ours, and what it would take to run them, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from results.report.cells import duration, error_cell
from results.report.titled_table import cell, titled_table, whole_line
from results.text import crops_in_words

HEADINGS = (
    *("network", "crops", "images", "published", "measured", "difference"),
    *("these weights", "verdict"),
)


def reproduction_tables(records: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """Each table of the paper with its figures and ours, top-1 / top-5.

    Below it are the networks that stand for its rows, and its notes.

    `records` are those of `reproduce`, one for each row of the tables.
    """
    shown: list[RenderableType] = []
    for name in dict.fromkeys(record["table"] for record in records):
        rows = [record for record in records if record["table"] == name]
        table = titled_table(name, HEADINGS, ("published", "measured", "difference"), lines=True)
        for row in rows:
            table.add_row(
                cell(_network(row)),
                cell(row["protocol"]),
                cell(row["image_set"]),
                _pair(row["published_top1"], row["published_top5"]),
                Text(_measured(row)),
                _pair(row["difference_top1"], row["difference_top5"], "+.2f"),
                _pair(row["weights_top1"], row["weights_top5"]),
                cell(row["verdict"]),
            )
        shown.append(table)
        shown += map(whole_line, _members(rows))
        shown += [whole_line(f"{_row_in_words(row)}: {row['note']}") for row in rows if row["note"]]
    return [*shown, Text("Errors in percent, top-1 / top-5, with 95 % Wilson intervals.")]


def _network(row: Mapping[str, Any]) -> str:
    """The paper's name, with the number of networks where that does not say it."""
    several = row["networks"] not in ("", "1") and "+" not in row["model"]
    return f"{row['network']} x {row['networks']}" if several else str(row["network"])


def _row_in_words(row: Mapping[str, Any]) -> str:
    """The network and its crops, where the paper says how many."""
    return ", ".join(filter(None, (_network(row), row["protocol"] and crops_in_words(row["protocol"]))))


def _members(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each network or ensemble of a table: which networks with which weights stand for it."""
    crops: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["members"]:
            members = ", ".join(row["members"])
            if row["best_of"] > 1:
                members += f", the one of {row['best_of']} trainings with the lowest top-1 error"
            crops.setdefault((_network(row), members), []).append(row["protocol"])
    return [
        f"{network}, {crops_in_words(*protocols)}: run with {members}"
        for (network, members), protocols in crops.items()
    ]


def _pair(top1: float | None, top5: float | None, form: str = ".2f") -> str:
    """Two figures, with a dash for one that is not known.

    >>> _pair(None, 6.67), _pair(None, None)
    ('- / 6.67', '-')
    """
    texts = ["-" if value is None or pd.isna(value) else format(value, form) for value in (top1, top5)]
    return "-" if texts == ["-", "-"] else " / ".join(texts)


def _measured(row: Mapping[str, Any]) -> str:
    """The measured errors with their intervals, and the number of images, on a line each."""
    if row["n"] is None:
        return "-"
    top1 = error_cell(row["top1_error"], row["top1_low"], row["top1_high"])
    top5 = error_cell(row["top5_error"], row["top5_low"], row["top5_high"])
    return f"{top1}\n{top5}\nn = {row['n']:,}"


def estimate_tables(
    listed: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, str]]
) -> list[RenderableType]:
    """What `reproduce` would run, with its cost here, and the rows that it would not run, with the reason."""
    headings = ("network", "weights", "crops", "images", "crops in all", "multiply-adds", "about")
    table = Table(*headings)
    for one in listed:
        table.add_row(
            one["network"],
            cell(one["weights"]),
            one["crops"],
            f"{one['images']:,}",
            f"{one['crops_in_all']:,}",
            f"{one['multiply_adds'] / 1e15:,.3g} P",
            duration(one["seconds"]),
        )
    seconds = sum(one["seconds"] for one in listed)
    total = whole_line(
        f"in all about {duration(seconds)} here, the slowest stages alone; crops by the first images' shapes"
    )
    return [table, total, *(whole_line(f"not run: {row['network']}: {row['why']}") for row in without)]
