"""LaTeX: a tabular for booktabs."""

from collections.abc import Iterable

import pandas as pd

from results.report.cells import NUMBERS, cells, note

SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def write(table: pd.DataFrame) -> str:
    rows = cells(table)
    columns = "".join("r" if name in NUMBERS else "l" for name in rows[0])
    lines = [f"% {note(table)}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _row(rows[0]), r"\midrule"]
    return "\n".join([*lines, *(_row(row.values()) for row in rows), r"\bottomrule", r"\end{tabular}", ""])


def _row(values: Iterable[str]) -> str:
    return " & ".join(map(_escape, values)) + r" \\"


def _escape(text: str) -> str:
    """Text as LaTeX prints it, whatever letters a file name has."""
    return "".join(SPECIAL.get(letter, letter if letter.isprintable() else "?") for letter in text)
