"""What the files of this package hold, and a figure from one of their rows."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Figure:
    """A published error."""

    top1_error: float | None
    """In percent; None where it is not published."""
    top5_error: float | None
    source: str
    """Who published it."""


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a file such as `papers.csv`, with its columns as text."""
    with (resources.files("results.published") / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def figure(row: Mapping[str, str], source: str) -> Figure:
    """The errors of a row that has `top1_error` and `top5_error`."""
    return Figure(_number(row["top1_error"]), _number(row["top5_error"]), source)


def _number(text: str) -> float | None:
    return float(text) if text else None
