"""The progress of an evaluation in a notebook: a bar that moves in place, which needs no widgets."""

import sys
import time
from html import escape
from types import TracebackType
from typing import Any, Self

from bench.progress import Done, Tally
from results.text import one_line

INTERVAL = 0.5
"""Seconds between two changes of the bar."""


class NotebookBar:
    """A reporter for notebooks. Notes are lines, and at the end the bar has become a line, too."""

    def __init__(self) -> None:
        self._tally = Tally(0, Done())
        self._handle: Any = None
        self._last_change = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle:
            self._show("")

    def note(self, text: str) -> None:
        """Print a line."""
        print(f"note: {one_line(text)}", file=sys.stderr)

    def step(self, text: str) -> None:
        """Print a line."""
        print(one_line(text), file=sys.stderr)

    def start(self, images: int, before: Done) -> None:
        """Show a bar."""
        self._tally = Tally(images, before)
        self._handle = None
        self._show(self._bar())

    def advance(self, done: Done) -> None:
        """Count what was done, and now and then move the bar."""
        self._tally.since += done
        if time.monotonic() - self._last_change >= INTERVAL:
            self._show(self._bar())

    def _bar(self) -> str:
        return f'<progress value="{self._tally.done.images}" max="{self._tally.images}"></progress> '

    def _show(self, bar: str) -> None:
        from IPython.display import HTML, display

        tally = self._tally
        counts = f"{tally.done.images:,} of {tally.images:,} images"
        content = HTML(f"{bar}{counts}, {escape(tally.describe())}")  # type: ignore[no-untyped-call]
        if self._handle:
            self._handle.update(content)
        else:
            self._handle = display(content, display_id=True)  # type: ignore[no-untyped-call]
        self._last_change = time.monotonic()
