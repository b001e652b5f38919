"""GitHub Actions: the gate's verdicts as annotations, workflow commands that a job prints.

The summary of a job's step is the Markdown of `results.report.markdown.verdict_summary`.
"""

from collections.abc import Sequence

from results.baseline import Verdict
from results.text import printable


def annotations(verdicts: Sequence[Verdict]) -> list[str]:
    """A line to print for each row that failed."""
    return [
        f"::error title={_escape_property(verdict.name)}::{_escape(verdict.why)}"
        for verdict in verdicts
        if verdict.passed is False
    ]


def _escape(text: str, letters: str = "%") -> str:
    """The text, made printable, with these letters as their codes.

    >>> _escape("100 %")
    '100 %25'
    """
    return "".join(f"%{ord(letter):02X}" if letter in letters else letter for letter in printable(text))


def _escape_property(text: str) -> str:
    """The same for a property, which a colon or a comma would end.

    >>> _escape_property("v3, 144")
    'v3%2C 144'
    """
    return _escape(text, "%:,")
