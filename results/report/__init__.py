"""Reports: a module for each format, with functions that return text or tables and print nothing."""

from collections.abc import Callable

import pandas as pd

from results.report import csv, json, latex, markdown

FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "csv": csv.write,
    "md": markdown.write,
    "tex": latex.write,
    "json": json.write,
}
"""What writes a table, by the ending of the file."""
