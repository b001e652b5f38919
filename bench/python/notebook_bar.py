"""The progress of an evaluation in a notebook: a bar that moves in place, which needs no widgets."""

import sys
import time
from html import escape
from types import TracebackType
from typing import Any

from bench.display import Console
from bench.progress import Download, Tally
from results.text import one_line

INTERVAL = 0.5
"""Seconds between two changes of the bar."""


class NotebookBar(Console):
    """As `Console`, in a notebook: steps and bars are in one place, and leave a line where work is done."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: Any = None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle:
            self._put(escape(one_line(self._line(False))) if self._count else "")
        super().__exit__(kind, value, trace)

    def step(self, text: str) -> None:
        """Show it until the next one."""
        self._step, self._count = text, None
        self._put(escape(one_line(self._title())))

    def _begin(self, count: Tally | Download) -> None:
        self._count = count
        self._put_bar()

    def _show(self, finished: bool) -> None:
        if finished:
            self._put(escape(one_line(self._line(True))))
            self._handle, self._count = None, None
        elif time.monotonic() - self._last_line >= INTERVAL:
            self._put_bar()

    def _put_bar(self) -> None:
        assert self._count
        self._last_line = time.monotonic()
        bar = f'<progress value="{self._count.share:.3f}" max="1"></progress>'
        self._put(f"{bar} {escape(one_line(self._line(False)))}")

    def _put(self, html: str) -> None:
        """Show this in place of what was there."""
        from IPython.display import HTML, display

        content = HTML(html)  # type: ignore[no-untyped-call]
        if self._handle:
            self._handle.update(content)
        else:
            self._handle = display(content, display_id=True)  # type: ignore[no-untyped-call]

    def _print(self, line: str) -> None:
        print(one_line(line), file=sys.stderr)

    def _draws(self) -> bool:
        return False
