"""The table as people read it: cells as text, shared by the terminal, Markdown, LaTeX and HTML."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from results.baseline import Verdict
from results.tables import without_unused
from results.text import printable

CALIBRATION = {"nll": "NLL", "brier": "Brier", "ece": "ECE"}
"""Headings of the columns that say how far the probabilities can be believed."""

NUMBERS = ("n", "top-1 error", "top-5 error", *CALIBRATION.values())
"""Columns that are aligned to the right."""

SCORED_HEADINGS = {"class_set": ("classes", "all"), "truth": ("labels", "own")}
"""Headings of the columns that say how a row was scored, and what an empty cell means."""

PUBLISHED = {"these weights": "weights", "paper": "paper"}
"""Headings of published figures, and what the names of their columns begin with."""

LITTLE = 0.05
"""Images, as an expected number, that are not worth a word."""


def cells(table: pd.DataFrame, *, calibration: bool = False) -> list[dict[str, str]]:
    """The cells of each row by heading; without published figures where the table has none, without the
    top-5 error where it means nothing, without classes and labels where they are the usual ones, and without
    verdicts on the published figures of weights where there is none. With `calibration` it
    has the columns of `CALIBRATION`.
    """
    published = PUBLISHED if has_published(table) else {}
    top5 = has_top5(table)
    has_verdicts = bool(table["verdict"].any())
    scored = {
        column: heading for column, heading in SCORED_HEADINGS.items() if column in without_unused(table)
    }
    rows = []
    for row in table.to_dict("records"):
        columns = {
            "model": printable(str(row["model"])),
            "protocol": printable(str(row["protocol"])),
            "images": str(row["image_set"]),
            **{heading: printable(row[column]) or usual for column, (heading, usual) in scored.items()},
            "n": f"{row['n']:,}",
            "top-1 error": error_cell(row["top1_error"], row["top1_low"], row["top1_high"]),
        }
        if top5:
            columns["top-5 error"] = error_cell(row["top5_error"], row["top5_low"], row["top5_high"])
        if calibration:
            columns |= {
                heading: "-" if pd.isna(row[column]) else f"{row[column]:.4f}"
                for column, heading in CALIBRATION.items()
            }
        columns |= {heading: published_cell(row, start) for heading, start in published.items()}
        rows.append(columns | ({"verdict": row["verdict"] or "-"} if has_verdicts else {}))
    return rows


def has_top5(table: pd.DataFrame) -> bool:
    """Whether a row has a top-5 error that means something: among five classes nothing is wrong by it."""
    return bool((table["classes"] > 5).any())


def has_published(table: pd.DataFrame) -> bool:
    """Whether a row has a published figure beside it."""
    return any(table[f"{start}_source"].any() for start in PUBLISHED.values())


def note(table: pd.DataFrame) -> str:
    """The line below a table."""
    published = " Published: top-1 / top-5." if has_published(table) else ""
    return f"Errors in percent, with 95 % Wilson intervals.{published} {_near_ties(table)}"


def _near_ties(table: pd.DataFrame) -> str:
    """How much another batch size or processor could change, in the row with the largest share."""
    near = table[["top1_near", "top5_near"]].max(axis=1)
    if (near < LITTLE).all():
        return "No result here is close enough to a tie for rounding to change it."
    images, n = max(zip(near.tolist(), table["n"].tolist(), strict=True), key=lambda row: row[0] / row[1])
    return (
        f"Rounding is expected to change the result of about {images:.1f} of {n:,} images: "
        f"at most {100 * images / n:.2f} points of error."
    )


def error_cell(error: float, low: float, high: float) -> str:
    """An error with its interval.

    >>> error_cell(21.934, 21.57, 22.3)
    '21.93 [21.57, 22.30]'
    """
    return f"{error:.2f} [{low:.2f}, {high:.2f}]"


def error_pair(errors: tuple[float | None, float | None] | None) -> str:
    """A top-1 and a top-5 error.

    >>> error_pair((21.934, 5.8)), error_pair((None, 5)), error_pair(None)
    ('21.93 / 5.80', '- / 5.00', '-')
    """
    return "-" if errors is None else " / ".join("-" if each is None else f"{each:.2f}" for each in errors)


def verdict_count(verdicts: Sequence[Verdict]) -> str:
    """How many rows fail, and how many could not be held to anything."""
    failed = sum(verdict.passed is False for verdict in verdicts)
    open_rows = sum(verdict.passed is None for verdict in verdicts)
    if not open_rows:
        return f"{failed} of {len(verdicts)} rows fail" if failed else f"all {len(verdicts)} rows pass"
    passed = len(verdicts) - failed - open_rows
    return f"{passed} rows pass, {failed} fail, and {open_rows} cannot be compared"


def published_cell(row: Mapping[Any, Any], start: str) -> str:
    """The published errors in the columns that begin with `start`, and their source."""
    source = row[f"{start}_source"]
    if not source:
        return "-"
    errors = (row[f"{start}_top1"], row[f"{start}_top5"])
    top1, top5 = ("-" if pd.isna(error) else f"{error:.2f}" for error in errors)
    return f"{top1} / {top5} ({source})"


def duration(seconds: float) -> str:
    """A time to wait.

    >>> duration(42), duration(600), duration(36_000)
    ('42 s', '10 min', '10.0 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"
