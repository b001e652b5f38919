"""CSV, with every column that says something.

Text that a spreadsheet would run as a formula has an apostrophe before it, which spreadsheets understand. A
carriage return, which readers would take for the end of a row, is written as a backslash and an r.
"""

import pandas as pd
from pandas.api.types import is_numeric_dtype

from results.tables import without_unused

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula begins with (OWASP, CSV injection)."""


def write(table: pd.DataFrame) -> str:
    """The table as CSV."""
    table = without_unused(table)
    texts = {
        str(name): pd.Series(map(_harmless, column), index=table.index, dtype=object)  # some are not Unicode
        for name, column in table.items()
        if not is_numeric_dtype(column)
    }
    return table.assign(**texts).to_csv(index=False, lineterminator="\n")


def _harmless(value: object) -> object:
    """The value as a cell in which a spreadsheet runs nothing.

    >>> _harmless("=1+1")
    "'=1+1"
    """
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(FORMULA) else "") + value.replace("\r", "\\r")
