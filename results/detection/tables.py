"""Scores of detections as rows, and as tables for a terminal."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from results.detection.names import ilsvrc_classes
from results.detection.score import DRAWS, Score, difference, mean_interval
from results.terminal_table import Cell, Column, Noted, TerminalTable

TITLES = {"ap": "mAP", "ap50": "mAP50", "ap75": "mAP75"}


def rows(files: Sequence[str], scores: Sequence[Score], *, by_class: bool = False) -> list[dict[str, Any]]:
    """A row for each file, without a class, and with `by_class` for each of its classes.

    Precisions are in percent, that of a file is the mean, and with several files there is the difference to
    the first. What is unknown is None, such as the precision of a class without objects.
    """
    found = []
    for file, score in zip(files, scores, strict=True):
        total: dict[str, Any] = {"file": file, "class": None, "name": None}
        total |= {"objects": int(score.objects.sum()), "detections": int(score.detections.sum())}
        total["left_out"] = score.left_out
        for name, mean in score.means.items():
            total |= _with_interval(name, float(mean[0]), *mean_interval(mean))
        if len(scores) > 1:
            unknown = (None, None, None)
            apart = difference(scores[0], score) if score is not scores[0] else unknown
            total |= _with_interval("difference", *apart)
        found.append(total)
        for i, category in enumerate(score.classes if by_class else ()):
            row: dict[str, Any] = {"file": file, "class": category, "name": ilsvrc_classes().get(category)}
            row |= {"objects": int(score.objects[i]), "detections": int(score.detections[i])}
            for name, precisions in score.precisions.items():
                row |= _with_interval(name, float(precisions[i]), *score.intervals[name][i].tolist())
            found.append(dict.fromkeys(total) | row)
    return found


def frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a table, for a CSV."""
    return pd.DataFrame(rows).astype({"left_out": "Int64"})


def score_tables(rows: Sequence[dict[str, Any]], score: Score, heading: str = "file") -> list[RenderableType]:
    """A table of the files, and one of each file's classes where there are rows of classes.

    `heading` is that of the files' names.
    """
    with_objects = f"{np.count_nonzero(score.objects):,} of {len(score.classes):,} classes have objects"
    title = f"average precision in %, {score.rule}, {score.images:,} images, {with_objects}"
    measures = list(score.means)
    counts = [Column("objects", right=True), Column("detections", right=True)]
    headings = [TITLES[name] for name in measures] + ["to the first"]
    table = TerminalTable(title, [Column(heading, wraps=True), *counts, *map(_figures, headings)])
    tables: list[RenderableType] = [table]
    for total in [row for row in rows if row["class"] is None]:
        table.add_row(
            total["file"], *_counts(total), *_cells(total, measures), _cell(total, "difference", "+")
        )
        own = [row for row in rows if row["file"] == total["file"] and row["class"] is not None]
        if own:
            columns = [Column("class"), Column("name", wraps=True), *counts]
            of_classes = TerminalTable(
                total["file"], [*columns, *(_figures(name.upper()) for name in measures)]
            )
            for row in own:
                of_classes.add_row(row["class"], row["name"] or "", *_counts(row), *_cells(row, measures))
            tables.append(of_classes)
    tables.append(Text(f"[ ] 95 % over images, from {DRAWS:,} draws with replacement"))
    return tables


def _with_interval(
    name: str, figure: float | None, low: float | None, high: float | None
) -> dict[str, float | None]:
    return {name: _known(figure), f"{name}_low": _known(low), f"{name}_high": _known(high)}


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _figures(heading: str) -> Column:
    """A column of figures, whose intervals may be left out."""
    return Column(heading, right=True, rest="intervals")


def _cells(row: dict[str, Any], measures: Sequence[str]) -> list[Cell]:
    return [_cell(row, name) for name in measures]


def _cell(row: dict[str, Any], name: str, sign: str = "") -> Cell:
    """A figure with its interval, or - where there is none."""
    if row.get(name) is None:
        return "-"
    figure = f"{row[name]:{sign}.2f}"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return figure if low is None else Noted(f"{figure} [{low:{sign}.2f}, {high:{sign}.2f}]", figure)


def _counts(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row['objects']:,}", f"{row['detections']:,}"
