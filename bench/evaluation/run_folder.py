"""The run that an evaluation belongs to: found again or begun, what of it is done, and what its manifest says."""

import fcntl
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.data.devkit import Blacklist
from bench.data.file_names import validation_number
from bench.distributed import ranks
from bench.evaluation.environment import environment
from bench.options import Options
from bench.progress import Reporter
from results.errors import IncompleteRun, RunError
from results.run import MANIFEST, Run, Shard, write_manifest
from results.storage import is_local, leftovers, reaching, remove

LOCK = ".lock"
"""The file in a run's folder that the command which works on it holds."""


def identity(asked: Mapping[str, Any]) -> str:
    """Hash of all that decides the figures."""
    return _hash(decisive(asked))


def decisive(asked: Mapping[str, Any]) -> dict[str, str]:
    """A hash of each thing that decides the figures: not of a path, a batch size or a number of workers."""
    runtime = asked["runtime"]
    parts = {
        "model": {
            key: value
            for key, value in asked["model"].items()
            if key not in ("name", "paper", "tag", "weights")
        },
        "images or labels": asked["data"]["fingerprint"],
        "protocols": [asked["plan"], asked["shard_images"]],
        "kind of device": runtime["device"].partition(":")[0],
        "precision": [runtime["precision"], runtime["compile"]],
    }
    return {name: _hash(part) for name, part in parts.items()}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@contextmanager
def open_run(options: Options, asked: Mapping[str, Any], reporter: Reporter) -> Iterator[Run]:
    """The run of what was asked: the one on disk, under whatever name it was begun, or a new one. Raises `RunError`.

    No other command can open it meanwhile, as far as locks on its folder reach. `--fresh` clears it once, and not when
    torchrun starts its ranks again.
    """
    name = identity(asked)
    folder = _folder(options, asked, name)
    with _only_here(folder, reporter):
        if options.fresh and ranks().once(f"clear {name}"):
            _clear(folder)
        for path in leftovers(folder) + leftovers(folder / "shards"):
            path.unlink(missing_ok=True)
        run = _there(folder, reporter) or _begin(folder, name, asked, options)
        if run.identity != name:
            raise RunError(f"{folder} holds another run: move it, choose another --out, or pass --fresh")
        yield run


def _there(folder: Path, reporter: Reporter) -> Run | None:
    """The run in `folder`; None where there is none, or where its manifest is damaged, so that it is begun again on its shards."""
    try:
        with reaching(folder):
            run = Run.open(folder) if (folder / MANIFEST).exists() else None
    except IncompleteRun:
        reporter.note(
            f"{folder / MANIFEST} is damaged: it is made again, and the shards that are whole are kept"
        )
        return None
    except OSError as error:
        raise RunError(f"{folder}: {error.strerror or error}") from None
    if run:
        reporter.note(f"{folder} is {'complete' if run.complete else 'continued'}; --fresh starts anew")
    return run


def _folder(options: Options, asked: Mapping[str, Any], name: str) -> Path:
    """Where the run is, or goes."""
    what = options.crops if options.dialect == "paper" else options.dialect
    data = Path(asked["data"]["path"].removeprefix("hf://")).name.partition(":")[0]
    readable = re.sub(r"[^\w.+-]", "_", f"{options.model}-{data}-{what.replace(',', '+')}")[:120]
    try:
        with reaching(options.out):
            found = sorted(options.out.glob(f"*-{name[:8]}"))
    except OSError as error:
        raise RunError(f"{options.out}: {error.strerror or error}") from None
    return next(iter(found), options.out / f"{readable}-{name[:8]}")


@contextmanager
def _only_here(folder: Path, reporter: Reporter) -> Iterator[None]:
    """Keep other commands from the run in `folder`. Where there are no locks, they would write the same files again."""
    if not is_local(folder):
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a")  # for writing, as locks on files that machines share have to be
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}; choose another --out") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"another command is working on {folder}: wait for it, or choose another --out"
            ) from None
        except OSError as error:
            reporter.note(f"{folder} cannot be locked ({error.strerror}): let no other command work on it")
        yield


def _clear(folder: Path) -> None:
    """Remove the run, first what says that there is one."""
    try:
        remove(folder / MANIFEST)
        remove(folder / "shards")
    except OSError as error:
        raise RunError(f"cannot remove {folder}: {error.strerror or error}") from None


def with_environment(run: Run, reporter: Reporter) -> Run:
    """The run with this program's versions noted in the manifest, where they differ from those it was made with so far."""
    so_far = run.manifest["environments"]
    if so_far[-1] == environment():
        return run
    reporter.note("the run was begun with other versions; its manifest lists both")
    return write_manifest(run.path, dict(run.manifest) | {"environments": [*so_far, environment()]})


def with_batch(run: Run, batch: int) -> Run:
    """The run with the batch that memory sufficed for, where it is smaller than the one it was begun with."""
    runtime = run.manifest["runtime"]
    return (
        run
        if batch >= runtime["batch"]
        else write_manifest(run.path, dict(run.manifest) | {"runtime": runtime | {"batch": batch}})
    )


def _begin(folder: Path, name: str, asked: Mapping[str, Any], options: Options) -> Run:
    state = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "blacklist": None,
        "skipped": {},
        "shards": [],
    }
    given = {"options": options.given(), "environments": [environment()]}
    return write_manifest(folder, {"identity": name, "complete": False} | dict(asked) | given | state)


def todo(run: Run, look: Callable[[Shard], None], *, retry_skipped: bool) -> list[range]:
    """The ranges of images that have no good shard yet; with `retry_skipped` those that left out images, too.

    Each good shard is shown to `look`, in order. A shard that is missing or damaged is to be made again, in a run that
    was complete as well.
    """
    missing = []
    listed = {one["start"]: one["sha256"] for one in run.manifest["shards"]}
    for part in run.parts:
        try:
            shard = Shard.load(run.shard_path(part), run.identity, listed.get(part.start))
        except IncompleteRun:
            missing.append(part)
            continue
        if retry_skipped and shard.skipped:
            missing.append(part)
        else:
            look(shard)
    return missing


def excluded(shard: Shard, blacklist: Blacklist) -> list[str]:
    """The shard's images that are on the blacklist."""
    return [image_id for image_id in shard.ids if validation_number(image_id) in blacklist.numbers]


def with_blacklist(run: Run, blacklist: Blacklist, excluded: list[str]) -> Run:
    """The run with the images of its own that the blacklist has noted in the manifest."""
    entry = {"source": blacklist.source, "sha256": blacklist.sha256, "excluded": excluded}
    return (
        run
        if run.manifest["blacklist"] == entry
        else write_manifest(run.path, dict(run.manifest) | {"blacklist": entry})
    )
