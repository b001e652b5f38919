"""The runs in a folder: a row for each, and the one that a name means."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from results.detection.manifest import read_manifest
from results.errors import HoldsDetections, IncompleteRun, RunError, RunUsageError
from results.metrics import error_percent
from results.run import DETECTIONS, MANIFEST, SHARDS, Run, Shard
from results.storage import parse_path, reaching

THREADS = 16
"""Runs that are looked at together, since a store takes its time for each answer."""

DAMAGED = "damaged"


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """A run in a list. Of a run whose manifest cannot be read only `run` and `state` are known."""

    run: str
    """Its path."""
    model: str = ""
    data: str = ""
    """Where the images were read from."""
    protocols: tuple[str, ...] = ()
    n: int | None = None
    """Images, without those that could not be read."""
    state: str
    """`complete`, `3 of 5 shards`, `detections`, `unfinished detections`, or `damaged`, with the reason where
    the manifest can be read.
    """
    top1_error: float | None = None
    """In percent, of the last protocol on all images; None where the run is not complete."""
    started: str = ""
    """When the run was begun, in ISO 8601, UTC."""


def list_runs(folder: Path) -> list[ListedRun]:
    """The runs in a folder, the newest last, and those whose date is not known first.

    It reads manifests, and only of a complete run that an earlier version wrote the shards: their hashes are
    not verified. Raises `RunError` for a folder that cannot be read.
    """
    try:
        found = _runs_in(folder, lambda name: True)
    except OSError as error:
        raise RunError(f"{folder}: {error.strerror or error}; name a folder with runs") from None
    with ThreadPoolExecutor(THREADS) as pool:
        listed = list(pool.map(_describe, found))
    return sorted(listed, key=lambda row: (row.started, row.run))


def find_run(name: str, usual_folder: Path) -> Path:
    """The path that the name of a run means, which is the name itself where something is there.

    Otherwise it is the run whose folder's name begins with it, or ends with `-` and it, as in `1a2b3c4d`:
    in the folder that is part of the name, or without one in `usual_folder` or here. Raises `RunUsageError`
    where there are several. Where there is none, the path is the name.
    """
    path = parse_path(name)
    with reaching(path):
        if path.exists() or not path.name:
            return path
    folders = [path.parent] if path.parent != Path() else [usual_folder, Path()]
    found: list[Path] = []
    for folder in folders:
        try:
            found += _runs_in(
                folder, lambda other: other.startswith(path.name) or other.endswith(f"-{path.name}")
            )
        except OSError:
            continue
    exact = [run for run in found if run.name == path.name]
    if len(exact or found) > 1:
        candidates = ", ".join(map(str, exact or found))
        raise RunUsageError(f"{name} may be any of {candidates}: write more of the name")
    return (exact or found or [path])[0]


def _runs_in(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    """The folders of a folder that are runs, damaged ones among them, by name, if that is wanted."""
    with reaching(folder):
        return sorted(path for path in folder.iterdir() if wanted(path.name) and _is_run(path))


def _is_run(path: Path) -> bool:
    return (path / MANIFEST).exists() or any((path / SHARDS).glob("*.safetensors"))


def _describe(path: Path) -> ListedRun:
    try:
        run = Run.open(path)
    except IncompleteRun:
        return ListedRun(run=str(path), state=DAMAGED)
    except HoldsDetections:
        return _describe_detections(path)
    except RunError:
        return ListedRun(run=str(path), state="cannot be read")
    manifest = run.manifest
    state = _state(run)
    error = None
    if state == "complete":
        try:
            error = _top1_error(run)
        except RunError:
            state = DAMAGED
    return ListedRun(
        run=str(path),
        model=run.name,
        data=manifest.data.path,
        protocols=run.protocols,
        n=manifest.data.images - len(manifest.skipped),
        state=state,
        top1_error=error,
        started=manifest.started,
    )


def _describe_detections(path: Path) -> ListedRun:
    try:
        manifest = read_manifest(path)
    except IncompleteRun:
        return ListedRun(run=str(path), state=DAMAGED)
    except (OSError, RunError):
        return ListedRun(run=str(path), state="cannot be read")
    return ListedRun(
        run=str(path),
        model="+".join(network.name for network in manifest.networks),
        data=manifest.data.path,
        n=manifest.data.images - len(manifest.skipped),
        state=DETECTIONS if manifest.complete else f"unfinished {DETECTIONS}",
        started=manifest.started,
    )


def _state(run: Run) -> str:
    """Whether all shards are there, by their names."""
    with reaching(run.path):
        names = {path.name for path in (run.path / SHARDS).glob("*.safetensors")}
    parts = run.parts
    present = sum(Shard.file_name(part.start, part.stop) in names for part in parts)
    if run.complete and present == len(parts):
        return "complete"
    shards = f"{present:,} of {len(parts):,} shards"
    return f"{DAMAGED}: {shards}" if run.complete else shards


def _top1_error(run: Run) -> float | None:
    """Of the last protocol on all images that count, in percent; None where there are none. Raises
    `RunError`.
    """
    protocol = run.protocols[-1]
    if class_set := run.manifest.data.class_set:
        ranks = [class_set.label_ranks(shard.probabilities[protocol], shard.labels) for shard in run.shards()]
        hits, n = sum(int((each < 1).sum()) for each in ranks), sum(map(len, ranks))
        return error_percent(hits, n) if n else None
    n = sum(shard.images for shard in run.manifest.shards)
    counted = run.manifest.top1_hits or {}
    if protocol in counted:
        hits = counted[protocol]
    else:  # an earlier version wrote it
        hits = sum(shard.top1_hits[protocol] for shard in run.shards())
    return error_percent(hits, n) if n else None
