"""What a person sees while an evaluation runs, on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from bench.distributed import is_first

INTERVAL = 10.0
"""Seconds between plain lines."""


class Reporter(Protocol):
    """Who is told what happens. `Silent` does nothing with it."""

    def note(self, text: str) -> None:
        """Something worth knowing that does not end the work."""

    def start(self, images: int) -> None:
        """Images ahead."""

    def advance(self, crops: int, right: bool | None) -> None:
        """An image is done."""


class Silent:
    """Tells nobody."""

    def note(self, text: str) -> None: ...

    def start(self, images: int) -> None: ...

    def advance(self, crops: int, right: bool | None) -> None: ...


class Console:
    """Tells a person on stderr: crops/s, time left and the running top-1 error of the largest protocol."""

    def __init__(self) -> None:
        from rich.console import Console as RichConsole

        self._console = RichConsole(stderr=True, highlight=False, quiet=not is_first())
        self._bar: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()  # type: ignore[attr-defined]

    def note(self, text: str) -> None:
        self._console.print(f"note: {text}", markup=False, soft_wrap=True)

    def start(self, images: int) -> None:
        self._total, self._images, self._crops, self._judged, self._right = images, 0, 0, 0, 0
        self._begin = self._said = time.monotonic()
        if self._console.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("images"),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
            )
            bar = Progress(*columns, console=self._console)
            self._bar, self._task = bar, bar.add_task("", total=images)
            bar.start()

    def advance(self, crops: int, right: bool | None) -> None:
        self._crops += crops
        self._images += 1
        self._judged += right is not None
        self._right += bool(right)
        now = time.monotonic()
        rate = self._crops / max(now - self._begin, 1e-9)
        error = f"{100 * (1 - self._right / self._judged):.1f} %" if self._judged else "-"
        state = f"{rate:,.0f} crops/s, top-1 error so far {error}"
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=state)  # type: ignore[attr-defined]
        elif now - self._said >= INTERVAL or self._images == self._total:
            left = (now - self._begin) / self._images * (self._total - self._images)
            print(
                f"{self._images:,} of {self._total:,} images, {state}, {left:,.0f} s left",
                file=sys.stderr,
                flush=True,
            )
            self._said = now
