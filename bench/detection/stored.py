"""A run of detections on disk, which `score-detections` reads.

    RUN/manifest.json                         what was detected, in what, with what
    RUN/shards/00000000-00000028.safetensors  the detections of images 0 to 27
    RUN/detections.csv                        all of them as a table, once the run is complete

A shard is written whole or not at all, names its run, and carries the hash of its content.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.detection.select import Selection
from results.detection.boxes import Detections
from results.errors import RunError
from results.manifest import DataRecord, ModelRecord, RuntimeRecord, ShardRecord, plain
from results.run import DETECTIONS, MANIFEST, SHARDS, Shard, refuse_linked_shards
from results.storage import leftovers, reaching, read, remove, sha256, write

TABLE = "detections.csv"
HEADING = ("image", "class", "score", "xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, kw_only=True)
class ProposalsRecord:
    """The regions that were classified."""

    path: str
    sha256: str
    """Of the file."""
    regions: int


@dataclass(frozen=True, kw_only=True)
class DetectionsManifest:
    """All that is known of a run of detections."""

    kind: str = DETECTIONS
    schema: int = 1
    """The number of this layout."""
    identity: str
    """Hash of all that decides the detections."""
    complete: bool = False
    """Whether every image is done."""
    networks: tuple[ModelRecord, ...]
    """Those whose probabilities are averaged."""
    runtimes: tuple[RuntimeRecord, ...]
    """What each of them ran on."""
    data: DataRecord
    proposals: ProposalsRecord
    classes: tuple[str, ...]
    """The names of the classes by class index, without the background."""
    background: str
    """The name of the class that was dropped; empty where there is none."""
    selection: Selection
    shards: tuple[ShardRecord, ...] = ()
    """In the order of the images; empty until the run is complete."""
    detections: int | None = None
    """How many there are. None until the run is complete."""
    detections_sha256: str = ""
    """Of `detections.csv`."""
    options: dict[str, Any] = field(default_factory=dict)
    """The options that were not at their defaults."""
    environments: tuple[dict[str, str | None], ...] = ()
    """Versions of the libraries, of Python and of the platform."""
    started: str = ""
    """When the run was begun, in ISO 8601, UTC."""
    seconds: float = 0.0
    """How long it took."""


@dataclass(frozen=True)
class DetectionsRun:
    """A run of detections in its folder."""

    path: Path
    manifest: DetectionsManifest

    @property
    def table(self) -> Path:
        """Where all detections are, once the run is complete."""
        return self.path / TABLE

    @property
    def complete(self) -> bool:
        """Whether it was finished, and its table is as it was written."""
        try:
            return self.manifest.complete and sha256(read(self.table)) == self.manifest.detections_sha256
        except OSError:
            return False

    def save(self, part: range, ids: Sequence[str], found: Detections) -> None:
        """Write the shard of the images of a part, whose ids these are. Raises `RunError`."""
        from safetensors.numpy import save

        tensors = {"category": found.category, "score": found.score, "box": found.box}
        content = {
            "run": self.manifest.identity,
            "ids": list(ids),
            "image": found.image,
            "sha256": self._digest(part, ids, found),
        }
        data = save(
            {name: np.ascontiguousarray(array) for name, array in tensors.items()}, _metadata(content)
        )
        write(self.shard_path(part), data)

    def load(self, part: range, ids: Sequence[str]) -> tuple[Detections, ShardRecord] | None:
        """The detections in the shard of these images, and its record; None where it is missing, damaged, or
        of another run.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            data = read(self.shard_path(part))
            tensors = load(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            content = json.loads(header["__metadata__"]["shard"])
            found = Detections(content["image"], tensors["category"], tensors["score"], tensors["box"])
            if content["sha256"] != self._digest(part, ids, found):
                return None
        except (OSError, SafetensorError, LookupError, ValueError, TypeError, AttributeError):
            return None
        return found, ShardRecord(start=part.start, stop=part.stop, images=len(ids), sha256=sha256(data))

    def finish(self, shards: Iterable[tuple[Detections, ShardRecord]], seconds: float) -> "DetectionsRun":
        """Write the table of the shards' detections, and mark the run as complete. Raises `RunError`."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(HEADING)
        records, count = [], 0
        for found, record in shards:
            rows.writerows(self._rows(found))
            records.append(record)
            count += len(found.image)
        table = text.getvalue().encode("utf-8", "surrogateescape")
        write(self.table, table)
        done = replace(
            self.manifest,
            complete=True,
            shards=tuple(records),
            detections=count,
            detections_sha256=sha256(table),
            seconds=round(self.manifest.seconds + seconds, 3),
        )
        return write_manifest(self.path, done)

    def _rows(self, found: Detections) -> Iterable[Sequence[str]]:
        names = self.manifest.classes
        for image, category, score, box in zip(
            found.image, found.category.tolist(), found.score, found.box, strict=True
        ):
            numbers = (np.format_float_positional(value, trim="-") for value in (score, *box))
            yield image, names[category], *numbers

    def shard_path(self, part: range) -> Path:
        """The file of the shard with these images."""
        return self.path / SHARDS / Shard.file_name(part.start, part.stop)

    def _digest(self, part: range, ids: Sequence[str], found: Detections) -> str:
        digest = hashlib.sha256(
            json.dumps([self.manifest.identity, part.start, part.stop, list(ids), found.image]).encode()
        )
        for array in (found.category, found.score, found.box):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def open_detections(path: Path, manifest: DetectionsManifest, *, fresh: bool) -> DetectionsRun:
    """The run in the folder `path` with the identity of `manifest`; a new one where there is none, its
    manifest is damaged, or it is to be made afresh. Raises `RunError` where the folder holds another run.
    """
    refuse_linked_shards(path)
    try:
        if fresh:
            for old in (path / MANIFEST, path / TABLE, path / SHARDS):
                remove(old)
        for leftover in leftovers(path) + leftovers(path / SHARDS):
            leftover.unlink(missing_ok=True)
        with reaching(path):
            stored = read(path / MANIFEST) if (path / MANIFEST).exists() else b""
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from None
    found = _parse(stored)
    if found is None:  # there was none, or it is damaged: the sound shards are kept
        return write_manifest(path, manifest)
    if found.identity != manifest.identity:
        raise RunError(f"{path} holds another run: move it, choose another --out, or pass --fresh")
    return DetectionsRun(path, found)


def is_complete(path: Path) -> bool:
    """Whether the folder `path` holds a complete run."""
    try:
        manifest = _parse(read(path / MANIFEST))
    except OSError:
        return False
    return manifest is not None and DetectionsRun(path, manifest).complete


def _parse(data: bytes) -> DetectionsManifest | None:
    """The manifest in JSON text; None for anything else. Not by msgspec alone, which refuses names of files
    that are not Unicode.
    """
    try:
        return msgspec.convert(json.loads(data), DetectionsManifest)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def write_manifest(path: Path, manifest: DetectionsManifest) -> DetectionsRun:
    """Write the manifest of the run in the folder `path`, atomically. Raises `RunError`."""
    write(path / MANIFEST, json.dumps(plain(manifest), indent=2).encode() + b"\n")
    return DetectionsRun(path, manifest)


def _metadata(content: dict[str, Any]) -> dict[str, str]:
    return {"shard": json.dumps(content)}
