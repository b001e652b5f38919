"""What the files of this package hold, and a figure from one of their rows."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    how: str = field(default="", repr=False)
    """The crop in words, such as `bicubic 341->299`; empty for a paper's."""
    half_digit: float = field(default=0.0, repr=False)
    """Half of the last digit that is printed, in points."""


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a file such as `papers.csv`, with its columns as text."""
    with (resources.files("results.published") / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def figure(row: Mapping[str, str], source: str) -> Figure:
    """The errors of a row that has `top1_error` and `top5_error`."""
    top1, top5 = row["top1_error"], row["top5_error"]
    decimals = len((top1 or top5).partition(".")[2])
    return Figure(_number(top1), _number(top5), source, row.get("how", ""), 0.5 * 10**-decimals)


def _number(text: str) -> float | None:
    return float(text) if text else None
