"""The look of tables and lines on a terminal."""

from collections.abc import Sequence

from rich.console import OverflowMethod
from rich.table import Table
from rich.text import Text

from results.text import printable


def titled_table(
    title: str,
    headings: Sequence[str],
    right: Sequence[str],
    *,
    overflow: OverflowMethod = "fold",
    lines: bool = False,
) -> Table:
    """An empty table under a bold title, with the columns of `right` aligned to the right.

    `overflow` is what happens to a cell that is too wide. `lines` are drawn between the rows.
    """
    line = Text(printable(title), style="bold", no_wrap=True, overflow="ignore")
    table = Table(title=line, title_justify="left", show_lines=lines)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow=overflow)
    return table


def cell(text: str) -> Text:
    """A cell that shows the text as it is: neither markup nor a terminal's escapes have an effect in it."""
    return Text(printable(text))


def whole_line(text: str) -> Text:
    """Text that stays on one line however long it is, such as one with a path."""
    return Text(printable(text), no_wrap=True)
