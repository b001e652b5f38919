"""What a person sees while a command works, on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Token
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bench.progress import REPORTER, Done, Download, Reporter, Tally
from results.text import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

INTERVAL = 10.0
"""Seconds between plain lines."""

REFRESHES = 5
"""Times a second that a terminal is drawn."""


class Console:
    """A reporter for people: what is done, how far it is, how fast, the time left, and the error so far."""

    def __init__(self) -> None:
        from rich.console import Console as RichConsole

        self._console = RichConsole(stderr=True, highlight=False)
        self._step = ""
        self._parts: list[str] = []
        self._began = time.monotonic()
        self._count: Tally | Download | None = None
        self._last_line = 0.0
        self._live: Live | None = None
        self._token: Token[Reporter] | None = None

    def __enter__(self) -> Self:
        self._token = REPORTER.set(self)
        if self._draws():
            self.step("starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token:
            REPORTER.reset(self._token)
        if self._live:
            self._live.stop()

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(f"note: {text}")

    def step(self, text: str) -> None:
        """Show it with the seconds since on a terminal, else print a line."""
        self._step, self._count, self._began = text, None, time.monotonic()
        if not self._draws():
            self._print(self._title())

    @contextmanager
    def part(self, number: int, of: int, what: str = "") -> Iterator[None]:
        """Put the part before each step, unless it is the only one."""
        if of == 1 and not what:
            yield
            return
        self._parts.append(f"{what} {number} of {of}".strip())
        try:
            yield
        finally:
            self._parts.pop()

    def start(self, images: int, before: Done) -> None:
        """Begin to count."""
        self._begin(Tally(images, before))

    def advance(self, done: Done) -> None:
        """Count what was done."""
        assert isinstance(self._count, Tally)
        self._count.since += done
        self._show(self._count.done.images >= self._count.images)

    def receive(self, received: int, size: int, *, finished: bool = False) -> None:
        """Count bytes."""
        if not isinstance(self._count, Download):
            self._begin(Download(received, size, before=received))
        assert isinstance(self._count, Download)
        self._count.received, self._count.size = received, size
        self._show(finished)

    def _begin(self, count: Tally | Download) -> None:
        self._count = count
        self._last_line = count.began
        self._draws()

    def _show(self, finished: bool) -> None:
        """Print a line where the work is finished; and without a terminal, every ten seconds."""
        due = not self._live and time.monotonic() - self._last_line >= INTERVAL
        if finished or due:
            self._last_line = time.monotonic()
            self._print(self._line(finished))

    def _line(self, finished: bool) -> str:
        assert self._count
        count, (done, whole) = self._count, self._count.counts
        counts = f"{whole} in {count.seconds:,.0f} s" if finished else f"{done} of {whole}"
        left = "" if finished or count.seconds_left is None else f"{count.seconds_left:,.0f} s left"
        words = [counts, count.rate, count.error, left]
        return f"{self._title()}{': ' if self._step else ''}{', '.join(filter(None, words))}"

    def _title(self) -> str:
        return ": ".join([*self._parts, self._step])

    def _print(self, line: str) -> None:
        self._console.print(one_line(line), markup=False, soft_wrap=self._live is None)

    def _draws(self) -> bool:
        """Whether stderr is a terminal, on which it is drawn from now on."""
        if not self._live and self._console.is_interactive and sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(
                get_renderable=self._render,
                console=self._console,
                refresh_per_second=REFRESHES,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),  # else what is printed would not be in its file
            )
            self._live.start()
        return self._live is not None

    def _render(self) -> "RenderableType":
        """A line with the step; below it the bar, where something is counted."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        title = Text(one_line(self._title()), no_wrap=True, overflow="ellipsis")
        count = self._count
        if count is None:
            line = Table.grid(padding=(0, 2))
            line.add_row(title, _clock(time.monotonic() - self._began))
            return line
        done, whole = count.counts
        left = "" if count.seconds_left is None else f"{_clock(count.seconds_left)} left"
        words = filter(None, [f"{done}/{whole.removesuffix(' images')}", count.rate, left, count.error])
        line = Table.grid(expand=True, padding=(0, 2))
        line.add_column(ratio=1)
        cells = [Text(word, no_wrap=True) for word in words]
        line.add_row(ProgressBar(total=1.0, completed=min(count.share, 1.0)), *cells)
        return Group(title, line)


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _clock(3725.4)
    '1:02:05'
    """
    return str(timedelta(seconds=round(seconds)))
