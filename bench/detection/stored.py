"""A run of detections on disk, which `score-detections` reads.

    RUN/manifest.json                         what was detected, in what, with what
    RUN/shards/00000000-00000028.safetensors  the detections of images 0 to 27
    RUN/detections.csv                        all of them as a table, once the run is complete

A shard is written whole or not at all, names its run, and carries the hash of its content.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.environment import environment
from bench.evaluation.run_place import FRESH, choose_path, put_in_place, read_stored
from bench.progress import Reporter
from results.detection.boxes import Detections
from results.detection.detection_files import HEADER, TABLE
from results.detection.manifest import DetectionsManifest, read_manifest, write_manifest
from results.errors import RunError
from results.manifest import ShardRecord
from results.run import SHARDS, Shard
from results.shard_file import decode, digest, encode
from results.storage import read, sha256, write


@dataclass(frozen=True)
class DetectionsShard:
    """The detections in some consecutive images."""

    part: range
    ids: Sequence[str]
    """The names of the images."""
    found: Detections
    skipped: dict[str, str] = field(default_factory=dict)
    """The reason for each image that could not be read."""

    def save(self, path: Path, identity: str) -> None:
        """Write it as a shard of the run with that identity. Raises `RunError`."""
        content = {
            "run": identity,
            "ids": list(self.ids),
            "image": self.found.image,
            "skipped": self.skipped,
            "sha256": self._digest(identity),
        }
        write(path, encode(content, self._tensors()))

    @classmethod
    def load(
        cls, path: Path, identity: str, part: range, ids: Sequence[str]
    ) -> tuple["DetectionsShard", ShardRecord] | None:
        """The shard of these images, and its record; None where it is missing, damaged, or of another run."""
        try:
            data = read(path)
            content, tensors = decode(data)
            found = Detections(content["image"], tensors["category"], tensors["score"], tensors["box"])
            shard = cls(part, ids, found, content["skipped"])
            if content["sha256"] != shard._digest(identity):
                return None
        except (OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError, MemoryError):
            return None
        images = len(ids) - len(shard.skipped)
        return shard, ShardRecord(start=part.start, stop=part.stop, images=images, sha256=sha256(data))

    def _digest(self, identity: str) -> str:
        part = self.part
        described = [identity, part.start, part.stop, list(self.ids), self.found.image, self.skipped]
        return digest(described, self._tensors())

    def _tensors(self) -> dict[str, NDArray[Any]]:
        return {"category": self.found.category, "score": self.found.score, "box": self.found.box}


@dataclass(frozen=True)
class DetectionsRun:
    """A run of detections in its folder."""

    path: Path
    manifest: DetectionsManifest

    @classmethod
    def open(cls, path: Path) -> "DetectionsRun":
        """The run in the folder `path`. Raises as `read_manifest` does."""
        return cls(path, read_manifest(path))

    @property
    def identity(self) -> str:
        """The hash of all that decides the detections."""
        return self.manifest.identity

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

    def begin(self, reporter: Reporter) -> "DetectionsRun":
        """The run before shards are written: incomplete on disk, too, since its table lacks them until it is
        finished again, and with this program's versions. Raises `RunError`.
        """
        so_far, versions = self.manifest.environments, environment()
        if so_far[-1:] != (versions,):
            reporter.note("the run was begun with other versions; its manifest lists both")
            so_far = (*so_far, versions)
        begun = replace(
            self.manifest,
            complete=False,
            skipped={},
            shards=(),
            detections=None,
            detections_sha256="",
            environments=so_far,
        )
        write_manifest(self.path, begun)
        return DetectionsRun(self.path, begun)

    def with_batches(self, batches: Iterable[int]) -> "DetectionsRun":
        """The run with the batch of each network that fitted in memory, where it is smaller than before."""
        runtimes = tuple(
            replace(runtime, batch=min(runtime.batch, batch))
            for runtime, batch in zip(self.manifest.runtimes, batches, strict=True)
        )
        return DetectionsRun(self.path, replace(self.manifest, runtimes=runtimes))

    def save(self, shard: DetectionsShard) -> None:
        """Write a shard. Raises `RunError`."""
        shard.save(self.shard_path(shard.part), self.manifest.identity)

    def load(self, part: range, ids: Sequence[str]) -> tuple[DetectionsShard, ShardRecord] | None:
        """The shard of these images, and its record; None where it is missing, damaged, or of another run."""
        return DetectionsShard.load(self.shard_path(part), self.manifest.identity, part, ids)

    def shard_path(self, part: range) -> Path:
        """The file of the shard with these images."""
        return self.path / SHARDS / Shard.file_name(part.start, part.stop)

    def finish(
        self, shards: Iterable[tuple[DetectionsShard, ShardRecord]], seconds: float
    ) -> "DetectionsRun":
        """Write the table of the shards' detections, and mark the run as complete. Raises `RunError`."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(HEADER)
        records, count = [], 0
        skipped: dict[str, str] = {}
        for shard, record in shards:
            rows.writerows(self._rows(shard.found))
            records.append(record)
            count += len(shard.found.image)
            skipped |= shard.skipped
        table = text.getvalue().encode("utf-8", "surrogateescape")
        write(self.table, table)
        done = replace(
            self.manifest,
            complete=True,
            skipped=skipped,
            shards=tuple(records),
            detections=count,
            detections_sha256=sha256(table),
            seconds=round(self.manifest.seconds + seconds, 3),
        )
        write_manifest(self.path, done)
        if self.path.name != FRESH:
            return DetectionsRun(self.path, done)
        put_in_place(self.path.parent, name_shards)
        return DetectionsRun(self.path.parent, done)

    def _rows(self, found: Detections) -> Iterable[Sequence[str]]:
        names = self.manifest.classes
        for image, category, score, box in zip(
            found.image, found.category.tolist(), found.score, found.box, strict=True
        ):
            numbers = (np.format_float_positional(value, trim="-") for value in (score, *box))
            yield image, names[category], *numbers


def open_detections(
    folder: Path, manifest: DetectionsManifest, reporter: Reporter, *, fresh: bool
) -> DetectionsRun:
    """The run with the identity of `manifest` in `folder`, or for `--fresh` the one that will take its place.

    Where there is none, or its manifest is damaged, one that is not on disk yet. Raises `RunError`
    where there is another run.
    """
    path = choose_path(folder, name_shards, reporter, fresh=fresh)
    stored = read_stored(path, DetectionsRun.open, manifest.identity, reporter)
    return stored or DetectionsRun(path, manifest)


def name_shards(folder: Path) -> set[str] | None:
    """The names of the files of a complete run's shards; None for any other folder."""
    try:
        manifest = read_manifest(folder)
    except (OSError, RunError):
        return None
    if not manifest.complete:
        return None
    return {Shard.file_name(shard.start, shard.stop) for shard in manifest.shards}
