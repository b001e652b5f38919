"""The table as people read it: a row's cells as text, shared by the terminal and Markdown."""

from typing import Any

import pandas as pd

HEADING = ("model", "protocol", "images", "n", "top-1 error", "top-5 error", "these weights", "paper")
NOTE = "Errors in percent, with 95 % Wilson intervals. Published: top-1 / top-5."


def cells(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """One tuple for each row, in the order of `HEADING`."""
    return [
        (
            str(row["model"]), str(row["protocol"]), str(row["image_set"]), f"{row['n']:,}", _measured(row, "top1"),
            _measured(row, "top5"), _published(row, "weights"), _published(row, "paper"),
        )
        for row in table.to_dict("records")
    ]  # fmt: skip


def _measured(row: dict[Any, Any], k: str) -> str:
    return f"{row[f'{k}_error']:.2f} [{row[f'{k}_low']:.2f}, {row[f'{k}_high']:.2f}]"


def _published(row: dict[Any, Any], who: str) -> str:
    if not row[f"{who}_source"]:
        return "-"
    errors = " / ".join("-" if pd.isna(value) else f"{value:.2f}" for value in (row[f"{who}_top1"], row[f"{who}_top5"]))
    return f"{errors} ({row[f'{who}_source']})"
