"""The ranks of torchrun, joined by torch.distributed: what all have to know, and which images are whose.

Four things are ours, because torch.distributed has none of them:

- A new start. torchrun's store outlives its ranks: when they are started again it still has the addresses
  of those that died, and each machine counts restarts by itself. So the ranks first agree on a name for
  this start, and form their group under it.
- Handing out shards, with one atomic addition for each.
- The progress of all ranks on one display: each adds up its images in the store, about once a second.
- Whether another rank has printed the same error, known without waiting for that rank.
"""

import hashlib
import os
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any, TypeVar

from bench.errors import AnotherRankFailed, BenchError, UsageError, first_line
from bench.progress import Advance, Done

T = TypeVar("T")

TIMEOUT = timedelta(hours=1)
"""How long a rank waits for another one, which may have a shard to finish; a process that died is
noticed at once.
"""

MEETING = 600.0
"""Seconds that the ranks have to find each other."""

REACHING = timedelta(seconds=5)
"""How long a rank tries to reach the store only to know whether another one has printed a line."""

INTERVAL = 0.1
"""Seconds between two looks at the store while the ranks find each other."""

AGAIN = "start the same command again, on all machines"

NUMBERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_PORT")
"""Variables of the environment that torchrun sets to numbers."""


def under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Whether this is the only process or rank 0: the one that prints."""
    return not under_torchrun() or os.environ.get("RANK", "0") == "0"


def local_rank() -> int:
    """The number of this rank among those of its machine, from 0. Raises `UsageError`."""
    return _number_by_torchrun("LOCAL_RANK") if under_torchrun() else 0


def local_world_size() -> int:
    """How many ranks this machine has. Raises `UsageError`."""
    return _number_by_torchrun("LOCAL_WORLD_SIZE") if under_torchrun() else 1


@dataclass(frozen=True)
class Ranks:
    """The place of a process among those that evaluate together: by default it is alone.

    All ranks call the same methods in the same order.
    """

    rank: int = 0
    size: int = 1
    store: Any = None
    """What all ranks of this start read and write; None for a process alone."""
    lasting_store: Any = None
    """The same across restarts."""
    _calls: Iterator[int] = field(default_factory=count)

    @property
    def first(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def gather(self, act: Callable[[], T], meanwhile: Callable[[], None] | None = None) -> list[T]:
        """Call `act` on every rank: what it returned on each, in their order. `act` returns what pickle
        can copy.

        `meanwhile` is called once a second while this rank waits for the others. Where `act` raises on
        one rank, that rank raises its error, and the others `AnotherRankFailed`. Raises `BenchError`
        when a rank is gone.
        """
        if self.store is None:
            return [act()]
        try:
            result, error = act(), None
        except BaseException as raised:  # noqa: BLE001 - raised again below, after the others know
            result, error = None, raised
        outcomes = self._exchange((error is None, result), meanwhile)
        if error:
            raise error
        if not all(succeeded for succeeded, _ in outcomes):
            raise AnotherRankFailed("another rank has failed: its line says why")
        return [value for _, value in outcomes]

    def broadcast_from_first(self, find: Callable[[], T]) -> T:
        """What `find` returns on the first rank, which alone calls it. Raises as `gather` does."""
        found: T = self.gather(find if self.first else _nothing)[0]
        return found

    def once_per_machine(self, prepare: Callable[[], None]) -> None:
        """Call `prepare` on one rank of each machine; the others go on after it. Raises as `gather` does."""
        self.gather(prepare if local_rank() == 0 else _nothing)

    def is_new(self, name: str) -> bool:
        """Whether no rank has asked for this `name` before, not even one that died and was started again."""
        if self.lasting_store is None:
            return True
        with _reaching_store():
            return bool(self.lasting_store.add(f"once/{name}", 1) == 1)

    def hand_out(self, parts: Sequence[range]) -> Iterator[range]:
        """The parts that fall to this rank, each taken when it is needed; every part falls to one rank."""
        return iter(parts) if self.store is None else take_parts(self.store, self._key("next part"), parts)

    @contextmanager
    def share_progress(self, advance: Advance) -> Iterator[Advance]:
        """What to call for what was done, so that the first rank's `advance` is called for what all do.

        At the end the ranks wait for each other.
        """
        if self.store is None:
            yield advance
            return
        progress = SharedProgress(self.store, self._key("progress"), advance if self.first else None)
        yield progress
        progress.exchange()
        self.gather(_nothing, progress.exchange if self.first else None)
        progress.exchange()

    def _exchange(self, value: Any, meanwhile: Callable[[], None] | None) -> list[Any]:
        """Wait until every rank is here: each one's value, in their order. Raises `BenchError` when one is
        gone.

        The barrier is what waits: it names the ranks that do not come. The values go through the store.
        After a collective, threads of gloo may still hold its tensors when Python ends, and the process
        would abort (pytorch/pytorch#179291).
        """
        from torch import distributed

        key = self._key("values")

        def exchange() -> list[Any]:
            with _reaching_store():
                self.store.set(f"{key}/{self.rank}", pickle.dumps(value))
            distributed.monitored_barrier(timeout=TIMEOUT, wait_all_ranks=True)
            with _reaching_store():
                found = [self.store.get(f"{key}/{rank}") for rank in range(self.size)]
            return [pickle.loads(each) for each in found]  # noqa: S301 - the ranks trust each other

        try:
            return _in_a_thread(exchange, meanwhile)
        except RuntimeError as error:
            raise BenchError(f"a rank is gone ({first_line(error)}): {AGAIN}") from None

    def _key(self, kind: str) -> str:
        """The same on all ranks, and another one at each call."""
        return f"{next(self._calls)}/{kind}"


@cache
def ranks() -> Ranks:
    """The ranks of torchrun, which meet at the first call; or this process alone. Raises `BenchError`."""
    return _join() if under_torchrun() else Ranks()


def is_news(text: str) -> bool:
    """Whether no other rank has called this with the same `text`; also where that cannot be known.

    Does not wait for the other ranks.
    """
    if not under_torchrun():
        return True
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT")
    try:
        joined = ranks.cache_info().currsize
        here = ranks() if joined else Ranks(lasting_store=_reach_store(timeout=REACHING)[0])
        return here.is_new(f"{attempt}/{hashlib.sha256(text.encode()).hexdigest()}")
    except Exception:  # noqa: BLE001 - whatever is wrong with the store, the text comes first
        return True


def take_parts(store: Any, key: str, parts: Sequence[range]) -> Iterator[range]:
    """The parts that fall to whoever iterates; the number of those taken so far stands at `key`."""
    while True:
        with _reaching_store():
            number = store.add(key, 1) - 1
        if number >= len(parts):
            return
        yield parts[number]


class SharedProgress:
    """Counts what is done in the store; the first rank calls its `advance` for what the others did."""

    def __init__(self, store: Any, key: str, advance: Advance | None) -> None:
        """`advance` is None on all ranks but the first."""
        self._store, self._key, self._advance = store, key, advance
        self._new, self._shown = Done(), Done()
        self._last = time.monotonic()

    def __call__(self, done: Done) -> None:
        if self._advance:
            self._advance(done)
        else:
            self._new += done
        if time.monotonic() - self._last >= 1:
            self.exchange()

    def exchange(self) -> None:
        """Add what is new, or show it."""
        self._last = time.monotonic()
        with _reaching_store():
            totals = {
                name: self._store.add(f"{self._key}/{name}", number)
                for name, number in asdict(self._new).items()
            }
        self._new = Done()
        if self._advance:
            more = {name: total - getattr(self._shown, name) for name, total in totals.items()}
            if any(more.values()):
                self._advance(Done(**more))
            self._shown = Done(**totals)


def _number_by_torchrun(name: str) -> int:
    """The value of a variable. Raises `UsageError`."""
    _check_variables()
    return int(os.environ[name])


def _check_variables() -> None:
    """Raise `UsageError` where a variable of torchrun's is missing or odd: it did not start this process."""
    odd = [name for name in NUMBERS if not os.environ.get(name, "").isdecimal()]
    if not os.environ.get("MASTER_ADDR"):
        odd.append("MASTER_ADDR")
    if odd:
        raise UsageError(
            f"TORCHELASTIC_RUN_ID is set, but not what else torchrun sets ({', '.join(odd)}): "
            "unset it, or start the command with torchrun"
        )


def _join() -> Ranks:
    """Meet the other ranks, and form a group with them."""
    from torch import distributed
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]

    _check_variables()
    with _reaching_store():
        lasting, rank, size = _reach_store()
        of_this_start = PrefixStore(_agree_on_start(lasting, rank, size), lasting)
        group = PrefixStore("group", of_this_start)
        distributed.init_process_group("gloo", store=group, rank=rank, world_size=size, timeout=TIMEOUT)
    return Ranks(rank, size, of_this_start, lasting)


def _reach_store(**options: Any) -> tuple[Any, int, int]:
    """The store of torchrun, which outlives its ranks; the number of this rank, and how many there are.

    `options` are those of torch's `rendezvous`.
    """
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(rendezvous("env://", **options))
    return PrefixStore("inception-bench", store), rank, size


def _agree_on_start(store: Any, rank: int, size: int) -> str:
    """A name for this start that its ranks alone know.

    The first rank proposes a new name. The others answer under it with names of their own, until the
    first one has confirmed them: a name that an earlier start left in the store is never confirmed for
    them.
    """
    own = uuid.uuid4().hex
    deadline = time.monotonic() + MEETING
    if rank == 0:
        store.set("proposed", own)
    answers = [f"{own}/{number}" for number in range(1, size)]
    while time.monotonic() < deadline:
        if rank == 0:
            if not answers or store.check(answers):
                store.set(f"{own}/confirmed", ",".join(store.get(key).decode() for key in answers))
                return own
        elif store.check(["proposed"]):
            start: str = store.get("proposed").decode()
            store.set(f"{start}/{rank}", own)
            if store.check([f"{start}/confirmed"]) and own in store.get(f"{start}/confirmed").decode():
                return start
        time.sleep(INTERVAL)
    raise BenchError(f"not all of {size} ranks came within {MEETING:.0f} s: {AGAIN}")


def _in_a_thread(call: Callable[[], T], meanwhile: Callable[[], None] | None) -> T:
    """Call something that blocks outside of Python, so that a signal can end the process meanwhile."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is read
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    while meanwhile and not wait([outcome], timeout=1).done:
        meanwhile()
    return outcome.result()


@contextmanager
def _reaching_store() -> Iterator[None]:
    """Turn a store that cannot be reached into an error with a line."""
    from torch.distributed import DistError

    try:
        yield
    except DistError as error:
        raise BenchError(f"torchrun's store cannot be reached ({first_line(error)}): {AGAIN}") from None


def _nothing() -> Any:
    return None
