"""The table as people read it: cells as text, shared by the terminal, Markdown, LaTeX and HTML."""

from typing import Any

import pandas as pd

NUMBERS = ("n", "top-1 error", "top-5 error")
"""Columns that are set to the right."""

PUBLISHED = {"these weights": "weights", "paper": "paper"}
"""Headings of published figures, and what their columns begin with."""


def cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """A row's cells by heading, for each row; without the columns of published figures where there are none."""
    there = PUBLISHED if has_published(table) else {}
    return [
        {
            "model": str(row["model"]), "protocol": str(row["protocol"]), "images": str(row["image_set"]), "n": f"{row['n']:,}",
            "top-1 error": _measured(row, "top1"), "top-5 error": _measured(row, "top5"),
        } | {name: _published(row, who) for name, who in there.items()}
        for row in table.to_dict("records")
    ]  # fmt: skip


def has_published(table: pd.DataFrame) -> bool:
    return any(table[f"{who}_source"].any() for who in PUBLISHED.values())


def note(table: pd.DataFrame) -> str:
    """What is said below a table."""
    published = " Published: top-1 / top-5." if has_published(table) else ""
    return f"Errors in percent, with 95 % Wilson intervals.{published} {_near(table)}"


def _near(table: pd.DataFrame) -> str:
    """What another batch size or processor could change."""
    near = table[["top1_near", "top5_near"]].max(axis=1)
    if not near.any():
        return "No image is a hit or a miss by rounding alone."
    images, n = max(zip(near.tolist(), table["n"].tolist(), strict=True), key=lambda row: row[0] / row[1])
    return f"Rounding alone could turn up to {images:,} of {n:,} images into hits or misses: {100 * images / n:.2f} points of error."


def _measured(row: dict[Any, Any], k: str) -> str:
    return f"{row[f'{k}_error']:.2f} [{row[f'{k}_low']:.2f}, {row[f'{k}_high']:.2f}]"


def _published(row: dict[Any, Any], who: str) -> str:
    if not row[f"{who}_source"]:
        return "-"
    errors = " / ".join(
        "-" if pd.isna(value) else f"{value:.2f}" for value in (row[f"{who}_top1"], row[f"{who}_top5"])
    )
    return f"{errors} ({row[f'{who}_source']})"


def duration(seconds: float) -> str:
    """A time to wait, in words."""
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:,.1f} h"
    )
