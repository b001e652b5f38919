"""Reports: one small file for each format, each a function from a table to text."""

from collections.abc import Callable

import pandas as pd

from results.report import csv, json, markdown

FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {"csv": csv.write, "md": markdown.write, "json": json.write}
"""By file ending."""
