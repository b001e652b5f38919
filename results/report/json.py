"""JSON: the measured figures, errors in percent."""

import json
from typing import Any

import pandas as pd

from results.tables import KEY, MEASURED


def summary(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """`{"rows": [...]}` with a row's key, counts, errors and intervals, and the published figures, null where none."""
    rows = [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
    first = (*KEY, *MEASURED)
    return {"rows": [{key: row[key] for key in first} | row for row in rows]}


def write(table: pd.DataFrame) -> str:
    return json.dumps(summary(table), indent=2) + "\n"
