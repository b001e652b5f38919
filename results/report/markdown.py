"""Markdown: the table of runs, and the gate's verdicts."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from results.baseline import Verdict
from results.gate import PUBLISHED
from results.report.cells import NUMBERS, cells, error_pair, note, verdict_count
from results.text import printable


def write(table: pd.DataFrame, *, calibration: bool = False) -> str:
    """The table with its note."""
    return write_cells(cells(table, calibration=calibration), note(table))


def write_cells(rows: Sequence[Mapping[str, str]], note: str) -> str:
    """The cells of rows by heading, and a line below them."""
    alignment = ("---:" if name in NUMBERS else "---" for name in rows[0])
    lines = [_line(rows[0]), _line(alignment), *(_line(row.values()) for row in rows)]
    return "\n".join([*lines, "", note, ""])


def verdict_summary(verdicts: Sequence[Verdict], baseline: str) -> str:
    """The verdicts under a heading that counts them, those that failed first."""
    expected = "published" if baseline == str(PUBLISHED) else "baseline"
    lines = [_line(("row", expected, "measured", "verdict")), _line(("---", "---:", "---:", "---"))]
    for verdict in sorted(verdicts, key=lambda verdict: verdict.passed is not False):
        errors = (error_pair(verdict.baseline), error_pair(verdict.measured))
        lines.append(_line((verdict.name, *errors, verdict.why)))
    heading = f"### inception-bench check: {verdict_count(verdicts)} against {_escape(baseline)}"
    return "\n".join([heading, "", *lines, ""])


def _line(values: Iterable[str]) -> str:
    """A line of a table.

    >>> _line(["v3", "21.93"])
    '| v3 | 21.93 |'
    """
    return "| " + " | ".join(map(_escape, values)) + " |"


def _escape(text: str) -> str:
    r"""The text so that a cell shows it as it is, whatever letters a file name has.

    >>> print(_escape("a|b<i>"))
    a\|b&lt;i>
    """
    return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
