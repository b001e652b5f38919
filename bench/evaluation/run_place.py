"""The place where a run is made: locked, and for `--fresh` beside the run whose place it takes in the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout

from bench.progress import Reporter
from results.errors import IncompleteRun, RunError
from results.run import MANIFEST, SHARDS, refuse_linked_shards
from results.storage import is_local, leftovers, move, reaching, remove

LOCK = ".lock"
"""The file in a run's folder that the command which works on it has locked."""

FRESH = "fresh"
"""The folder in a run's folder where `--fresh` makes the run anew, and which takes its place in the end."""

NameShards = Callable[[Path], set[str] | None]
"""The names of the files of the shards of the complete run in a folder; None where there is none."""


class Stored(Protocol):
    """A run on disk."""

    @property
    def identity(self) -> str:
        """Hash of all that decides it."""

    @property
    def complete(self) -> bool:
        """Whether it was finished."""


AnyRun = TypeVar("AnyRun", bound=Stored)


@contextmanager
def locked(folder: Path, name_shards: NameShards) -> Iterator[None]:
    """Keep other commands from the run in `folder`. An object store has no locks: two commands write
    the same files. A complete run needs none where it cannot be written. Raises `RunError`.
    """
    if not is_local(folder):
        yield
        return
    lock: FileLock | nullcontext[None]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise RunError(
            f"another command is working on {folder}: wait for it, or choose another --out"
        ) from None
    except OSError as error:
        if name_shards(folder) is None:
            reason = error.strerror or error
            raise RunError(f"cannot write {folder}: {reason}; choose another --out") from None
        lock = nullcontext()
    with lock:
        yield


def choose_path(folder: Path, name_shards: NameShards, reporter: Reporter, *, fresh: bool) -> Path:
    """Where the run is made: in `folder`, or for `--fresh` in a folder of it until it is complete. What an
    interrupted write left there is removed. Raises `RunError`.
    """
    path = _choose(folder, name_shards, reporter, fresh)
    refuse_linked_shards(path)
    for leftover in leftovers(path) + leftovers(path / SHARDS):
        leftover.unlink(missing_ok=True)
    return path


def read_stored(
    path: Path, open_run: Callable[[Path], AnyRun], identity: str, reporter: Reporter
) -> AnyRun | None:
    """The run in the folder `path`; None where there is none, or where its manifest is damaged and has to be
    written again. Raises `RunError` where it has another identity.
    """
    try:
        with reaching(path):
            run = open_run(path) if (path / MANIFEST).exists() else None
    except IncompleteRun:
        reporter.note(f"{path / MANIFEST} is damaged: it is written again, and the sound shards are kept")
        return None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from None
    if run and run.identity != identity:
        raise RunError(f"{path} holds another run: move it, choose another --out, or pass --fresh")
    if run:
        state = "is complete" if run.complete else "is continued"
        how = "removing it" if path.name == FRESH else "--fresh"
        reporter.note(f"{path} {state}; {how} starts anew")
    return run


def _choose(folder: Path, name_shards: NameShards, reporter: Reporter, fresh: bool) -> Path:
    new = folder / FRESH
    if name_shards(new) is not None:  # and was about to take its place
        put_in_place(folder, name_shards)
        return folder
    if not fresh:
        if (new / MANIFEST).exists():
            reporter.note(f"{new} is an unfinished run of --fresh, which --fresh continues")
        return folder
    if (folder / MANIFEST).exists():
        reporter.note(f"{folder} stays as it is until the new run is complete")
    return new


def put_in_place(folder: Path, name_shards: NameShards) -> None:
    """Put the complete run in `FRESH` in the place of the one in `folder`.

    Its manifest moves last. Where this is cut off, the next command does it again. Raises `RunError`.
    """
    new = folder / FRESH
    refuse_linked_shards(folder)
    ours = name_shards(new)
    if ours is None:
        raise IncompleteRun(f"{new} is no complete run any more: the same command makes it again")
    try:
        remove(folder / MANIFEST)
        for shard in sorted((new / SHARDS).glob("*.safetensors")):
            move(shard, folder / SHARDS / shard.name)
        for shard in (folder / SHARDS).glob("*.safetensors"):
            if shard.name not in ours:
                remove(shard)
        for table in new.glob("*.csv"):  # a run of detections has one
            move(table, folder / table.name)
        move(new / MANIFEST, folder / MANIFEST)
        remove(new)
    except OSError as error:
        raise RunError(f"cannot replace {folder}: {error.strerror or error}") from None
