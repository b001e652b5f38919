"""The ranks of torchrun: which of them says what all must know, and which images are whose.

Everything goes through torchrun's rendezvous store, and nothing from rank to rank. torchrun starts all ranks again when one
dies (`--max-restarts`); a rank that waits for one that is gone for good, with its machine perhaps, gives up after a minute.
"""

import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from bench.errors import BenchError

Advance = Callable[[int, bool | None], None]
"""Called for each image: crops, and whether the prediction is right (None: skipped)."""

INTERVAL = 0.1
"""Seconds between looks at what the others have done."""

PATIENCE = 60.0
"""Seconds of silence after which a rank is taken for gone; each gives a sign of life every tenth of that."""

MEETING = 600.0
"""Seconds in which all ranks have to come after the first."""


def under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Whether this is the only process or the first rank: the one that prints."""
    return os.environ.get("RANK", "0") == "0" or not under_torchrun()


def local_ranks() -> tuple[int, int]:
    """(number among the ranks of this machine, how many they are)."""
    return int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


class Ranks:
    """One process alone; what it does of the work of ranks. They all call the same of these, in the same order."""

    first, size = True, 1

    def from_first(self, find: Callable[[], Any]) -> Any:
        """What `find`, called on the first rank alone, gives: a JSON value."""
        return find()

    def one_ahead(self, prepare: Callable[[], None]) -> None:
        """Where several ranks share a machine, call `prepare` on one of them before the others go on."""

    def once(self, name: str) -> bool:
        """Whether nobody asked that of this `name` before, ranks that died and were started again among them."""
        return True

    def hand_out(self, parts: Sequence[range]) -> Iterator[range]:
        """The parts that fall to this rank, taken one by one when they are asked for. Each falls to one rank."""
        return iter(parts)

    def progress(self, advance: Advance) -> Advance:
        """What is to be called for each image, so that `advance` of the first rank is called for all."""
        return advance

    def wait(self) -> None:
        """Until all ranks have come here. Raises `BenchError` when one is gone."""


class Torchrun(Ranks):
    """One of several ranks."""

    def __init__(self) -> None:
        from torch.distributed import PrefixStore  # type: ignore[attr-defined]
        from torch.distributed.rendezvous import rendezvous

        with _reaching():
            store, rank, self.size = next(rendezvous("env://"))
            self.first = rank == 0
            self._lasting = PrefixStore("inception-bench", store)
            self._store = PrefixStore(_meet(self._lasting, rank, self.size), self._lasting)
        self._calls = 0
        self._shared: _Shared | None = None
        self._signs = [f"alive/{number}" for number in range(self.size)]
        self._seen: list[tuple[bytes, float]] = [(b"", time.monotonic())] * self.size
        threading.Thread(target=self._give_signs, args=(self._signs[rank],), daemon=True).start()

    def from_first(self, find: Callable[[], Any]) -> Any:
        key = self._key("said")
        if self.first:
            value = find()
            with _reaching():
                self._store.set(key, json.dumps(value))
            return value
        self._until(lambda: self._store.check([key]))
        return json.loads(self._store.get(key))

    def one_ahead(self, prepare: Callable[[], None]) -> None:
        key = f"{self._key('prepared')}/{os.environ['GROUP_RANK']}"
        if local_ranks()[0] != 0:
            self._until(lambda: self._store.check([key]))
            return
        prepare()
        with _reaching():
            self._store.set(key, "")

    def once(self, name: str) -> bool:
        with _reaching():
            return bool(self._lasting.add(f"once/{name}", 1) == 1)

    def hand_out(self, parts: Sequence[range]) -> Iterator[range]:
        return self._take(parts, self._key("next"))

    def _take(self, parts: Sequence[range], key: str) -> Iterator[range]:
        while True:
            with _reaching():
                number = self._store.add(key, 1) - 1
            if number >= len(parts):
                return
            yield parts[number]

    def progress(self, advance: Advance) -> Advance:
        self._shared = _Shared(self._store, self._key("done"), advance if self.first else None)
        return self._shared.advance

    def wait(self) -> None:
        key = self._key("here")
        self._exchange()
        with _reaching():
            self._store.add(key, 1)
        self._until(
            lambda: self._store.add(key, 0) >= self.size, self._exchange if self.first else lambda: None
        )
        self._exchange()
        self._shared = None

    def _exchange(self) -> None:
        if self._shared:
            self._shared.exchange()

    def _key(self, kind: str) -> str:
        """The same on all ranks, and another one at each call."""
        self._calls += 1
        return f"{self._calls}/{kind}"

    def _until(self, condition: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait as long as all ranks give signs of life."""
        looked = time.monotonic()
        self._seen = [(sign, looked) for sign, _ in self._seen]
        with _reaching():
            while not condition():
                time.sleep(INTERVAL)
                meanwhile()
                if time.monotonic() - looked > PATIENCE / 10:
                    looked = time.monotonic()
                    self._look_for_signs(looked)

    def _look_for_signs(self, now: float) -> None:
        found = [self._store.get(sign) if self._store.check([sign]) else b"" for sign in self._signs]
        self._seen = [
            last if last[0] == sign else (sign, now) for last, sign in zip(self._seen, found, strict=True)
        ]
        if silent := [number for number, (_, when) in enumerate(self._seen) if now - when > PATIENCE]:
            raise BenchError(
                f"rank {silent[0]} has not been heard of for {PATIENCE:.0f} s: start the same command again, on all machines"
            )

    def _give_signs(self, sign: str) -> None:
        with suppress(Exception):  # the store is gone: whoever waits finds out
            while True:
                self._store.add(sign, 1)
                time.sleep(PATIENCE / 10)


def _meet(store: Any, rank: int, size: int) -> str:
    """A name for this start that all ranks know, and no rank of an earlier one: torchrun's store outlives its ranks."""
    own = uuid.uuid4().hex
    began = time.monotonic()
    others = [f"{own}/{number}" for number in range(1, size)]
    if rank == 0:
        store.set("start", own)
    while time.monotonic() - began < MEETING:
        if rank == 0 and (not others or store.check(others)):
            store.set(f"{own}/go", json.dumps([store.get(key).decode() for key in others]))
            return own
        if rank != 0 and store.check(["start"]):
            start: str = store.get("start").decode()
            store.set(f"{start}/{rank}", own)
            if store.check([f"{start}/go"]) and own in json.loads(store.get(f"{start}/go")):
                return start
        time.sleep(INTERVAL)
    raise BenchError(
        f"not all {size} ranks came within {MEETING:.0f} s: start the same command again, on all machines"
    )


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
    except DistError as error:
        reason = str(error).splitlines()[0]
        raise BenchError(
            f"torchrun's rendezvous store cannot be reached ({reason}): start the same command again"
        ) from None


@cache
def ranks() -> Ranks:
    """What this process is: one of the ranks of torchrun, or alone."""
    return Torchrun() if under_torchrun() else Ranks()
