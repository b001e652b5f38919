"""Tables on a terminal: nothing is cut, and what does not fit goes below the table or is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from results.text import printable

READABLE = 20
"""Columns of a terminal that a cell of several lines needs."""

BETWEEN = "  "
"""What stands between two columns."""

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹━─", "0123456789--")
"""For a terminal that has ASCII alone."""


@dataclass(frozen=True)
class Column:
    """A column of a table, and what becomes of it where the table is too wide."""

    heading: str
    right: bool = False
    """Whether it is aligned to the right, as numbers are."""
    wraps: bool = False
    """Whether its cells are words that may take several lines. All others stay whole."""
    spare: bool = False
    """Whether it may be left out, the last one first."""
    rest: str = ""
    """What its cells have that may be left out, such as intervals."""


@dataclass(frozen=True)
class Noted:
    """A cell that is shorter in a table that is too wide."""

    whole: str
    short: str
    note: str = ""
    """The rest, which is numbered below the table; empty where it is the `rest` of the column."""
    style: str = ""
    """Of `short`, with which `whole` begins."""


Cell = str | Noted


@dataclass(frozen=True)
class Hanging:
    """Text whose lines all begin where the first one does, behind its lead."""

    lead: str
    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lead = self.lead
        for part in Text(printable(self.text)).wrap(console, max(options.max_width - len(lead), 1)):
            line = Text(lead, no_wrap=True, overflow="ignore").append_text(part)
            line.rstrip()
            yield _harmless(line)
            lead = " " * len(lead)


def reason(text: str) -> Cell:
    """A cell that says why, which goes below a table that is too wide for it.

    >>> reason("equal"), reason("differs: other images").short
    ('equal', 'differs')
    """
    verdict, colon, why = text.partition(": ")
    if colon and len(verdict) <= READABLE:
        return Noted(text, verdict, why)
    return text if len(text) <= READABLE else Noted(text, "", text)


def name_cell(name: str) -> Cell:
    """A cell with the name of a network, which goes below a table that is too wide for it."""
    if len(name) <= READABLE:
        return name
    return Noted(name, "ensemble" if "+" in name else "network", name)


class TerminalTable:
    """A table under a bold title that adapts to the width of the terminal.

    Columns that are empty in every row are left out. Where the others need more than there is, the notes of
    `Noted` cells go below the table, and then what is spare is left out; both begin with the last column.
    Names and numbers are never cut.
    """

    def __init__(self, title: str, columns: Sequence[Column], *, lines: bool = False) -> None:
        """`lines` are drawn between the rows."""
        self.title = title
        self.columns = tuple(columns)
        self.lines = lines
        self.rows: list[tuple[Cell, ...]] = []
        self._sections: set[int] = set()

    def add_row(self, *cells: Cell) -> None:
        """Add a row with a cell for each column."""
        assert len(cells) == len(self.columns)
        self.rows.append(cells)

    def end_section(self) -> None:
        """Have a line after the last row, unless it stays the last."""
        self._sections.add(len(self.rows))

    def left_out(self, width: int) -> list[str]:
        """What a terminal of this width has no room for: headings of columns, or the rest of their cells."""
        kept, short = self._fit(width)
        rests = [self.columns[i].rest for i in kept if i in short and self.columns[i].rest]
        return [self.columns[i].heading for i in self._filled() if i not in kept] + rests

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of the table, its notes, and what is left out."""
        for line in self._render(console, options):
            if options.ascii_only:
                line.plain = line.plain.translate(PLAIN)
            yield _harmless(line)

    def _render(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        width = options.max_width
        kept, short = self._fit(width)
        widths = self._widths(kept, short, width)
        if self.title:
            yield Text(printable(self.title), style="bold")
        headings = [Text(self.columns[i].heading, style="bold") for i in kept]
        yield from self._lines(console, kept, widths, headings, from_below=True)
        yield Text(BETWEEN.join("━" * each for each in widths), no_wrap=True, overflow="ignore")
        notes: dict[str, int] = {}
        for number, row in enumerate(self.rows):
            if number and (self.lines or number in self._sections):
                yield Text(
                    BETWEEN.join("─" * each for each in widths), style="dim", no_wrap=True, overflow="ignore"
                )
            cells = [_text(row[i], notes if i in short else None) for i in kept]
            yield from self._lines(console, kept, widths, cells)
        if notes:
            yield Text()
        for note, number in notes.items():
            yield from Hanging(_mark(number) + " ", note).__rich_console__(console, options)

    def _lines(
        self,
        console: Console,
        kept: Sequence[int],
        widths: Sequence[int],
        cells: Sequence[Text],
        *,
        from_below: bool = False,
    ) -> Iterator[Text]:
        """The lines of a row; with `from_below` its cells end on the same line."""
        wrapped = [list(text.wrap(console, width)) for text, width in zip(cells, widths, strict=True)]
        height = max(map(len, wrapped))
        for number in range(height):
            line = Text(no_wrap=True, overflow="ignore")
            for i, width, parts in zip(kept, widths, wrapped, strict=True):
                at = number - (height - len(parts) if from_below else 0)
                part = parts[at] if 0 <= at < len(parts) else Text()
                part.align("right" if self.columns[i].right else "left", width)
                line.append(BETWEEN * bool(line)).append_text(part)
            line.rstrip()
            yield line

    def _filled(self) -> list[int]:
        """The numbers of the columns in which some row has something; of all where there are no rows."""
        columns = range(len(self.columns))
        return [i for i in columns if any(_is_filled(row[i]) for row in self.rows)] or list(columns)

    def _fit(self, width: int) -> tuple[list[int], set[int]]:
        """The numbers of the columns that a terminal of this width shows, and of those with short cells."""
        kept, short = self._filled(), set[int]()
        while self._needs(kept, short) > width:
            can_be_short = [i for i in kept if i not in short and self._has_noted(i)]
            noted = [i for i in can_be_short if not self.columns[i].rest]
            spare = [i for i in kept if self.columns[i].spare or i in can_be_short]
            if noted:
                short.add(noted[-1])
            elif not spare:
                break
            elif self.columns[spare[-1]].spare:
                kept.remove(spare[-1])
            else:
                short.add(spare[-1])
        for i in kept:  # where a column was left out after all, there may be room for some
            if self._needs(kept, short - {i}) <= width:
                short.discard(i)
        return kept, short

    def _needs(self, kept: Sequence[int], short: set[int]) -> int:
        """The columns of a terminal that the table needs."""
        return sum(self._least(i, short) for i in kept) + len(BETWEEN) * (len(kept) - 1)

    def _has_noted(self, i: int) -> bool:
        return any(isinstance(row[i], Noted) for row in self.rows)

    def _widths(self, kept: Sequence[int], short: set[int], width: int) -> list[int]:
        """How wide each column is: as wide as it wants to be, if the terminal has room for that."""
        widths = [max(len(self.columns[i].heading), self._longest(i, short)) for i in kept]
        least = [self._least(i, short) for i in kept]
        room = width - len(BETWEEN) * (len(kept) - 1)
        while sum(widths) > room and widths != least:
            _, widest = max((each, k) for k, each in enumerate(widths) if each > least[k])
            widths[widest] -= 1
        return widths

    def _least(self, i: int, short: set[int]) -> int:
        """The columns of a terminal that a column needs."""
        column = self.columns[i]
        longest = self._longest(i, short)
        words = max(map(len, column.heading.split()), default=0)
        return max(words, min(longest, READABLE) if column.wraps else longest)

    def _longest(self, i: int, short: set[int]) -> int:
        notes: dict[str, int] | None = {} if i in short else None
        return max((cell_len(_text(row[i], notes).plain) for row in self.rows), default=0)


def _harmless(line: Text) -> Text:
    """The line, which may begin as a command of GitHub Actions does, now that a name in it is broken."""
    line.plain = printable(line.plain)
    return line


def _is_filled(cell: Cell) -> bool:
    text = cell.whole if isinstance(cell, Noted) else str(cell)
    return text not in ("", "-")


def _text(cell: Cell, notes: dict[str, int] | None) -> Text:
    """The cell as it is: neither markup nor a terminal's escapes have an effect in it. A `Noted` is short if
    there are `notes`, which are numbered in the order in which they come.
    """
    if isinstance(cell, str):
        return Text(printable(cell))
    short = printable(cell.short)
    mark = _mark(notes.setdefault(cell.note, len(notes) + 1)) if cell.note and notes is not None else ""
    text = Text(printable(cell.whole) if notes is None else short + mark)
    text.stylize(cell.style, 0, len(short))
    return text


def _mark(number: int) -> str:
    """The mark of a note.

    >>> _mark(12)
    '¹²'
    """
    return str(number).translate(SUPERSCRIPT)


def whole_line(text: str) -> Text:
    """Text that stays on one line however long it is, such as one with a path."""
    return Text(printable(text), no_wrap=True)
