"""The ranks of torchrun: which of them says what all must know, and which images are whose.

Everything goes through torchrun's rendezvous store, and nothing from rank to rank: so no rank waits for one that is gone,
but for torchrun, which ends them all and starts them again (`--max-restarts`).
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from bench.errors import BenchError

Advance = Callable[[int, bool | None], None]
"""Called for each image: crops, and whether the prediction is right (None: skipped)."""

INTERVAL = 0.1
"""Seconds between looks at what the others have done."""


def is_first() -> bool:
    """Whether this is the only process or the first rank: the one that prints."""
    return os.environ.get("RANK", "0") == "0"


def local_ranks() -> tuple[int, int]:
    """(number among the ranks of this machine, how many they are)."""
    return int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


class Ranks:
    """One process alone; what it does of the work of ranks. They all call the same of these, in the same order."""

    first, size = True, 1

    def from_first(self, find: Callable[[], Any]) -> Any:
        """What `find`, called on the first rank alone, gives: a JSON value."""
        return find()

    def hand_out(self, parts: Sequence[range]) -> Iterator[range]:
        """The parts that fall to this rank, taken one by one when they are asked for. Each falls to one rank."""
        return iter(parts)

    def progress(self, advance: Advance) -> Advance:
        """What is to be called for each image, so that `advance` of the first rank is called for all."""
        return advance

    def wait(self) -> None:
        """Until all ranks have come here."""


class Torchrun(Ranks):
    """One of several ranks."""

    def __init__(self) -> None:
        from torch.distributed import PrefixStore  # type: ignore[attr-defined]
        from torch.distributed.rendezvous import rendezvous

        with _reaching():
            store, rank, self.size = next(rendezvous("env://"))
        self.first = rank == 0
        self._store = PrefixStore(f"inception-bench/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
        self._calls = 0
        self._shared: _Shared | None = None

    def from_first(self, find: Callable[[], Any]) -> Any:
        key = self._key("said")
        if self.first:
            value = find()
            with _reaching():
                self._store.set(key, json.dumps(value))
            return value
        with _reaching():
            while not self._store.check([key]):
                time.sleep(INTERVAL)
            return json.loads(self._store.get(key))

    def hand_out(self, parts: Sequence[range]) -> Iterator[range]:
        return self._take(parts, self._key("next"))

    def _take(self, parts: Sequence[range], key: str) -> Iterator[range]:
        with _reaching():
            while (number := self._store.add(key, 1) - 1) < len(parts):
                yield parts[number]

    def progress(self, advance: Advance) -> Advance:
        self._shared = _Shared(self._store, self._key("done"), advance if self.first else None)
        return self._shared.advance

    def wait(self) -> None:
        key = self._key("here")
        if self._shared:
            self._shared.exchange()
        with _reaching():
            self._store.add(key, 1)
            while self._store.add(key, 0) < self.size:
                time.sleep(INTERVAL)
                if self.first and self._shared:
                    self._shared.exchange()
        if self._shared:
            self._shared.exchange()
            self._shared = None

    def _key(self, kind: str) -> str:
        """The same on all ranks, and another one at each call."""
        self._calls += 1
        return f"{self._calls}/{kind}"


class _Shared:
    """Images done, told to the first rank, whose `told` is called for each; about once a second."""

    KINDS = (True, False, None)
    """What `right` is of an image."""

    def __init__(self, store: Any, key: str, told: Advance | None) -> None:
        self._store, self._key, self._told = store, key, told
        self._crops = 0
        self._own: Counter[bool | None] = Counter()
        self._known: Counter[bool | None] = Counter()
        self._last = time.monotonic()

    def advance(self, crops: int, right: bool | None) -> None:
        if self._told:
            self._told(crops, right)
        else:
            self._own[right] += 1
        self._crops = max(self._crops, crops)
        if time.monotonic() - self._last >= 1:
            self.exchange()

    def exchange(self) -> None:
        """Tell what is new, or learn it; images of the others count as many crops as the largest here."""
        self._last = time.monotonic()
        with _reaching():
            for right in self.KINDS:
                total = self._store.add(f"{self._key}/{right}", self._own.pop(right, 0))
                if self._told:
                    for _ in range(total - self._known[right]):
                        self._told(0 if right is None else self._crops, right)
                    self._known[right] = total


@contextmanager
def _reaching() -> Iterator[None]:
    from torch.distributed import DistError

    try:
        yield
    except (DistError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BenchError(f"torchrun's rendezvous store cannot be reached ({reason}): start the same command again") from None


@cache
def ranks() -> Ranks:
    """What this process is: one of the ranks of torchrun, or alone."""
    return Torchrun() if "RANK" in os.environ else Ranks()
