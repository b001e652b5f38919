"""JSON: the measured figures, errors in percent."""

import json
from typing import Any

import pandas as pd

from results.tables import KEY, MEASURED, without_unused


def summary(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """`{"rows": [...]}` with all columns of the table that say something, those of `KEY` and `MEASURED`
    first.
    """
    table = without_unused(table)
    first = [name for name in (*KEY, *MEASURED) if name in table]
    return {"rows": [{name: row[name] for name in first} | row for row in plain_rows(table)]}


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of any table, with None where there is nothing."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def write(table: pd.DataFrame) -> str:
    """The summary as text."""
    return json.dumps(summary(table), indent=2) + "\n"


def write_rows(table: pd.DataFrame) -> str:
    """`{"rows": [...]}` as text, from any table, such as that of `results.tables.predictions`.

    Without those columns that say nothing, as in CSV.
    """
    return json.dumps({"rows": plain_rows(without_unused(table))}, indent=2) + "\n"
