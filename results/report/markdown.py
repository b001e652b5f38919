"""Markdown, as wide as it needs to be."""

import pandas as pd

from results.report.cells import HEADING, NOTE, cells


def write(table: pd.DataFrame) -> str:
    rows = [HEADING, tuple("---:" if name in ("n", "top-1 error", "top-5 error") else "---" for name in HEADING), *cells(table)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", NOTE, ""])
