"""JSON: the measured figures, errors in percent."""

import json
from typing import Any

import pandas as pd

from results.tables import KEY, MEASURED


def summary(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """`{"rows": [...]}` with all columns of the table, those of `KEY` and `MEASURED` first."""
    rows = [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]
    first = (*KEY, *MEASURED)
    return {"rows": [{name: row[name] for name in first} | row for row in rows]}


def write(table: pd.DataFrame) -> str:
    """The summary as text."""
    return json.dumps(summary(table), indent=2) + "\n"
