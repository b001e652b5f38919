"""LaTeX: a tabular for the package booktabs."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from results.report.cells import NUMBERS, cells, note

SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
"""How LaTeX writes the letters that have a meaning in it."""


def write(table: pd.DataFrame, *, calibration: bool = False) -> str:
    """The table, after its note as a comment."""
    return write_cells(cells(table, calibration=calibration), note(table))


def write_cells(rows: Sequence[Mapping[str, str]], note: str) -> str:
    """The cells of rows by heading, after a comment."""
    columns = "".join("r" if name in NUMBERS else "l" for name in rows[0])
    lines = [f"% {note}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _line(rows[0]), r"\midrule"]
    lines += [_line(row.values()) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _line(values: Iterable[str]) -> str:
    return " & ".join(map(_escape, values)) + r" \\"


def _escape(text: str) -> str:
    r"""Text as LaTeX prints it, whatever letters a file name has.

    >>> print(_escape("ir_v2 & 5 %"))
    ir\_v2 \& 5 \%
    """
    return "".join(SPECIAL.get(letter, letter) for letter in text)
