"""Scores of detections as rows, and as tables for a terminal."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from results.detection.names import ilsvrc_classes
from results.detection.score import Score, difference, mean_interval
from results.terminal_table import Column, TerminalTable

MEAN = "mean"
"""In place of a class, in the row of the mean over all."""


def rows(files: Sequence[str], scores: Sequence[Score], *, by_class: bool = False) -> list[dict[str, Any]]:
    """A row for each file, and with `by_class` for each of its classes. Precisions are in percent.

    What is unknown is None: the precision of a class without objects, and the difference of the first file to
    itself.
    """
    found = []
    for file, score in zip(files, scores, strict=True):
        row: dict[str, Any] = {"file": file, "class": MEAN, "name": ""}
        row |= {"objects": int(score.objects.sum()), "detections": int(score.detections.sum())}
        for name, mean in score.means.items():
            low, high = mean_interval(mean)
            row |= {name: float(mean[0]), f"{name}_low": low, f"{name}_high": high}
        if len(scores) > 1:
            keys = ("difference", "difference_low", "difference_high")
            row |= dict(
                zip(keys, difference(scores[0], score) if score is not scores[0] else (), strict=False)
            )
        found.append(row)
        if not by_class:
            continue
        for i, category in enumerate(score.classes):
            row = {"file": file, "class": category, "name": ilsvrc_classes().get(category, "")}
            row |= {"objects": int(score.objects[i]), "detections": int(score.detections[i])}
            for name, precisions in score.precisions.items():
                low, high = score.intervals[name][i].tolist()
                row |= {name: float(precisions[i]), f"{name}_low": low, f"{name}_high": high}
            found.append(row)
    columns = list(dict.fromkeys(key for row in found for key in row))
    return [{key: _known(row.get(key)) for key in columns} for row in found]


def frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a table, for a CSV."""
    return pd.DataFrame(rows)


def score_tables(rows: Sequence[dict[str, Any]], score: Score) -> list[RenderableType]:
    """A table of the files, and one of each file's classes where there are rows of classes."""
    classes = len(score.objects[score.objects > 0])
    subject = f"{score.rule}, {score.images:,} images, {classes:,} classes with objects, precisions in %"
    means = [row for row in rows if row["class"] == MEAN and not row["name"]]
    headings = [name for name in ("ap", "ap50", "ap75") if name in rows[0]]
    numbers = [Column({"ap": "mAP"}.get(name, name.upper()), right=True) for name in headings]
    columns = [Column("file", wraps=True), Column("objects", right=True), Column("detections", right=True)]
    table = TerminalTable(subject, [*columns, *numbers, Column("to the first", right=True)])
    for row in means:
        cells = [_figure(row, name) for name in headings]
        table.add_row(row["file"], *_counts(row), *cells, _figure(row, "difference", "+"))
    tables: list[RenderableType] = [table]
    for mean in means:
        own = [
            row for row in rows if row["file"] == mean["file"] and row is not mean and row["class"] != MEAN
        ]
        if own:
            numbers = [Column(name.upper(), right=True) for name in headings]
            table = TerminalTable(mean["file"], [Column("class"), Column("name"), *columns[1:], *numbers])
            for row in own:
                table.add_row(
                    row["class"], row["name"], *_counts(row), *(_figure(row, name) for name in headings)
                )
            tables.append(table)
    tables.append(Text("[ ] 95 % over images, which are drawn 1,000 times with replacement"))
    return tables


def _counts(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row['objects']:,}", f"{row['detections']:,}"


def _figure(row: dict[str, Any], name: str, sign: str = "") -> str:
    """A figure with its interval, or - where there is none."""
    if row.get(name) is None:
        return "-"
    text = f"{row[name]:{sign}.2f}"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return text if low is None else f"{text} [{low:{sign}.2f}, {high:{sign}.2f}]"


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
