"""What a person sees while an evaluation runs, on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from results.text import one_line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

INTERVAL = 10.0
"""Seconds between plain lines."""


@dataclass(frozen=True)
class Done:
    """What has been done of an evaluation.

    >>> Done(images=2, crops=20, judged=2, right=1) + Done(images=1)
    Done(images=3, crops=20, judged=2, right=1)
    """

    images: int = 0
    crops: int = 0
    judged: int = 0
    """Images with a prediction and a label among the classes that count."""
    right: int = 0
    """Images whose prediction under the largest protocol is right."""

    def __add__(self, more: "Done") -> "Done":
        return Done(*(getattr(self, item.name) + getattr(more, item.name) for item in fields(self)))


Advance = Callable[[Done], None]
"""Called with what was done since the last call."""


@runtime_checkable
class Reporter(Protocol):
    """Receives what happens during an evaluation."""

    def note(self, text: str) -> None:
        """Something worth knowing that does not end the work."""

    def step(self, text: str) -> None:
        """What is being done now, where no images are counted."""

    def start(self, images: int, before: Done) -> None:
        """The number of images to evaluate in all, and what was done of them before."""

    def advance(self, done: Done) -> None:
        """What was done since the last call."""


class Silent:
    """A reporter that shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def step(self, text: str) -> None:
        """Show nothing."""

    def start(self, images: int, before: Done) -> None:
        """Show nothing."""

    def advance(self, done: Done) -> None:
        """Show nothing."""


@dataclass
class Tally:
    """What has been done of an evaluation, and how fast."""

    images: int
    """To be done in all."""
    before: Done
    """What was done before it began."""
    since: Done = Done()
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> Done:
        """In all."""
        return self.before + self.since

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return max(time.monotonic() - self.began, 1e-9)

    @property
    def seconds_left(self) -> float:
        """At the speed so far."""
        return self.seconds / self.since.images * (self.images - self.done.images)

    def describe(self) -> str:
        """Crops per second, and the running error of the largest protocol."""
        done = self.done
        error = f"{100 * (1 - done.right / done.judged):.1f} %" if done.judged else "-"
        return f"{self.since.crops / self.seconds:,.0f} crops/s, top-1 error so far {error}"


class Console:
    """A reporter for people: crops/s, time left and the running top-1 error of the largest protocol."""

    def __init__(self) -> None:
        from rich.console import Console as RichConsole

        self._console = RichConsole(stderr=True, highlight=False)
        self._tally = Tally(0, Done())
        self._last_line = 0.0
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_bar()

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(f"note: {one_line(text)}", markup=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """Print a line."""
        self._console.print(one_line(text), markup=False, soft_wrap=True)

    def start(self, images: int, before: Done) -> None:
        """Begin to count, with a bar where stderr is a terminal."""
        self._stop_bar()
        self._tally = Tally(images, before)
        self._last_line = self._tally.began
        if self._console.is_terminal:
            self._bar = self._start_bar()

    def advance(self, done: Done) -> None:
        """Count what was done; move the bar, or print a line every ten seconds."""
        self._tally.since += done
        if self._bar:
            bar, task = self._bar
            bar.update(task, advance=done.images, description=self._tally.describe())
        elif time.monotonic() - self._last_line >= INTERVAL or self._tally.done.images == self._tally.images:
            self._last_line = time.monotonic()
            self._print_line()

    def _print_line(self) -> None:
        tally = self._tally
        counts = f"{tally.done.images:,} of {tally.images:,} images"
        line = f"{counts}, {tally.describe()}, {tally.seconds_left:,.0f} s left"
        print(line, file=sys.stderr, flush=True)

    def _start_bar(self) -> "tuple[Progress, TaskID]":
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self._console,
        )
        bar.start()
        return bar, bar.add_task("", total=self._tally.images, completed=self._tally.done.images)

    def _stop_bar(self) -> None:
        if self._bar:
            self._bar[0].stop()
            self._bar = None
