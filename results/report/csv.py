"""CSV, with every column. Text that a spreadsheet would take for a formula has an apostrophe before it, as they know it; and
a carriage return, which readers would take for the end of a row, is written as a backslash and an r.
"""

import pandas as pd
from pandas.api.types import is_numeric_dtype

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula begins with (OWASP, CSV injection)."""


def write(table: pd.DataFrame) -> str:
    words = {str(name): column for name, column in table.items() if not is_numeric_dtype(column)}
    harmless = {
        name: pd.Series(map(_text, column), index=table.index, dtype=object) for name, column in words.items()
    }  # some no Unicode
    return table.assign(**harmless).to_csv(index=False, lineterminator="\n")


def _text(value: object) -> object:
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(FORMULA) else "") + value.replace("\r", "\\r")
