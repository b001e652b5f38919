"""What is counted while a command works, and who is shown it. `bench.display` shows it to people."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Protocol, runtime_checkable


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
        """What is being done now. It is not counted, unless `start` or `receive` follows."""

    def part(self, number: int, of: int, what: str = "") -> AbstractContextManager[None]:
        """Which part of the work is done inside: the `number`th of so many, such as networks."""

    def start(self, images: int, before: Done) -> None:
        """The number of images to evaluate in all, and what was done of them before."""

    def advance(self, done: Done) -> None:
        """What was done since the last call."""

    def receive(self, received: int, size: int, *, finished: bool = False) -> None:
        """How many bytes of a download are here in all, and its size as far as it is known."""


class Silent:
    """A reporter that shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def step(self, text: str) -> None:
        """Show nothing."""

    def part(self, number: int, of: int, what: str = "") -> AbstractContextManager[None]:
        """Show nothing."""
        return nullcontext()

    def start(self, images: int, before: Done) -> None:
        """Show nothing."""

    def advance(self, done: Done) -> None:
        """Show nothing."""

    def receive(self, received: int, size: int, *, finished: bool = False) -> None:
        """Show nothing."""


REPORTER: ContextVar[Reporter] = ContextVar("REPORTER", default=Silent())  # noqa: B039 - has no state
"""The one that the command has, for downloads, which are begun deep in what reads weights and data."""


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
    def share(self) -> float:
        """What is done, of 1."""
        return self.done.images / max(self.images, 1)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return max(time.monotonic() - self.began, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far. None where nothing was done since the beginning."""
        if not self.since.images:
            return None
        return self.seconds / self.since.images * (self.images - self.done.images)

    @property
    def counts(self) -> tuple[str, str]:
        """What is done, and of what."""
        return f"{self.done.images:,}", f"{self.images:,} images"

    @property
    def rate(self) -> str:
        """Crops per second; images, where no crops are counted. Empty where nothing was done yet."""
        if not self.since.images:
            return ""
        if not self.since.crops:
            return f"{self.since.images / self.seconds:,.0f} images/s"
        return f"{self.since.crops / self.seconds:,.0f} crops/s"

    @property
    def error(self) -> str:
        """The running error of the largest protocol; empty where no image is judged."""
        done = self.done
        return f"top-1 error {100 * (1 - done.right / done.judged):.1f} %" if done.judged else ""


@dataclass
class Download:
    """What has come of a download, and how fast."""

    received: int
    """Bytes that are here."""
    size: int
    """Bytes in all, as far as it is known."""
    before: int = 0
    """Bytes that were here when it began."""
    began: float = field(default_factory=time.monotonic)
    error: str = ""
    """Nothing: a download has none."""

    @property
    def share(self) -> float:
        """What is here, of 1."""
        return self.received / max(self.size, 1)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return max(time.monotonic() - self.began, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far. None where nothing came since the beginning."""
        came = self.received - self.before
        return self.seconds / came * max(self.size - self.received, 0) if came > 0 else None

    @property
    def counts(self) -> tuple[str, str]:
        """What is here, and of what."""
        return f"{self.received / 1e6:,.1f}", f"{self.size / 1e6:,.1f} MB"

    @property
    def rate(self) -> str:
        """Megabytes per second; empty where nothing came yet."""
        came = self.received - self.before
        return f"{came / self.seconds / 1e6:,.1f} MB/s" if came else ""
