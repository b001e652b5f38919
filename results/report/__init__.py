"""Reports: one small file for each format, each a function from a table to text."""

from collections.abc import Callable

import pandas as pd

from results.report import csv, json, latex, markdown

FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "csv": csv.write,
    "md": markdown.write,
    "tex": latex.write,
    "json": json.write,
}
"""By file ending."""
