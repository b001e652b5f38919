"""Markdown, as wide as it needs to be."""

from collections.abc import Iterable

import pandas as pd

from results.report.cells import NUMBERS, cells, note


def write(table: pd.DataFrame) -> str:
    rows = cells(table)
    alignment = ("---:" if name in NUMBERS else "---" for name in rows[0])
    lines = [row_of(rows[0]), row_of(alignment), *(row_of(row.values()) for row in rows)]
    return "\n".join([*lines, "", note(table), ""])


def row_of(values: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(map(escape, values)) + " |"


def escape(text: str) -> str:
    """Text that stays what it is in a cell, whatever letters a file name has."""
    return " ".join(text.splitlines()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
