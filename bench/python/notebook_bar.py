"""The progress of an evaluation in a notebook: a bar that moves in place, which needs no widgets."""

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import Token
from html import escape
from types import TracebackType
from typing import Any, Self

from bench.progress import REPORTER, Done, Download, Reporter, Tally
from results.text import one_line

INTERVAL = 0.5
"""Seconds between two changes of the bar."""


class NotebookBar:
    """A reporter for notebooks. Notes are lines, and at the end a bar has become a line, too."""

    def __init__(self) -> None:
        self._count: Tally | Download | None = None
        self._handle: Any = None
        self._last_change = 0.0
        self._token: Token[Reporter] | None = None

    def __enter__(self) -> Self:
        self._token = REPORTER.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token:
            REPORTER.reset(self._token)
        self._end_bar()

    def note(self, text: str) -> None:
        """Print a line."""
        print(f"note: {one_line(text)}", file=sys.stderr)

    def step(self, text: str) -> None:
        """Print a line."""
        self._end_bar()
        print(one_line(text), file=sys.stderr)

    def part(self, number: int, of: int, what: str = "") -> AbstractContextManager[None]:
        """Show nothing: the steps say which network it is."""
        return nullcontext()

    def start(self, images: int, before: Done) -> None:
        """Show a bar of images."""
        self._begin(Tally(images, before))

    def advance(self, done: Done) -> None:
        """Count what was done, and now and then move the bar."""
        assert isinstance(self._count, Tally)
        self._count.since += done
        self._move()

    def receive(self, received: int, size: int, *, finished: bool = False) -> None:
        """Count bytes, and now and then move the bar."""
        if not isinstance(self._count, Download):
            self._begin(Download(received, size, before=received))
        assert isinstance(self._count, Download)
        self._count.received, self._count.size = received, size
        self._move()

    def _begin(self, count: Tally | Download) -> None:
        self._end_bar()
        self._count = count
        self._show(self._bar())

    def _move(self) -> None:
        if time.monotonic() - self._last_change >= INTERVAL:
            self._show(self._bar())

    def _end_bar(self) -> None:
        if self._handle:
            self._show("")
        self._handle, self._count = None, None

    def _bar(self) -> str:
        assert self._count
        return f'<progress value="{self._count.share:.3f}" max="1"></progress> '

    def _show(self, bar: str) -> None:
        from IPython.display import HTML, display

        assert self._count
        done, whole = self._count.counts
        words = filter(None, [f"{done} of {whole}", self._count.rate, self._count.error])
        content = HTML(f"{bar}{escape(', '.join(words))}")  # type: ignore[no-untyped-call]
        if self._handle:
            self._handle.update(content)
        else:
            self._handle = display(content, display_id=True)  # type: ignore[no-untyped-call]
        self._last_change = time.monotonic()
