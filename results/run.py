"""A run on disk: what one network predicted for each image, and proof that nothing has changed since.

    RUN/manifest.json                         what was run, on what, with what (`results.manifest`)
    RUN/shards/00000000-00000028.safetensors  images 0 to 27: ids, labels, hashes of the files,
                                              probabilities by protocol

A shard is written whole or not at all, names its run, and carries the hash of its content. The manifest
of a complete run lists each shard with its range and the hash of its file, and carries a hash of
itself. No pickle anywhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from results.display import run_line, run_table
from results.errors import HoldsDetections, IncompleteRun, RunError
from results.manifest import (
    READABLE,
    SCHEMA,
    Manifest,
    ShardRecord,
    kind_and_schema,
    parse_manifest,
)
from results.sealed import seal, unseal
from results.shard_file import decode, digest, encode
from results.storage import is_local, reaching, read, sha256, write

if TYPE_CHECKING:
    import pandas as pd

    from results.comparison import Comparison
    from results.scoring import Scoring

MANIFEST = "manifest.json"
SHARDS = "shards"
NON_BLACKLISTED = "non-blacklisted"
DETECTIONS = "detections"
"""The `kind` in the manifest of a run of detections, which has another layout with a `schema` of its own."""

NAME_BYTES = 120
"""Most bytes of the name of a run's folder, without the end of its identity; file systems allow 255."""


@dataclass(frozen=True)
class Shard:
    """The predictions for some consecutive images of a run."""

    start: int
    """The first image, in the data's order."""
    stop: int
    """The image after the last one."""
    ids: list[str]
    """The n images that have a prediction."""
    labels: NDArray[np.int64]
    """[n] class indices."""
    probabilities: dict[str, NDArray[np.float32]]
    """[n x classes] for each protocol."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The reason for each image that could not be read; those are not among the n."""
    content: NDArray[np.uint64] | None = None
    """[n] `content_hash` of the file of each image; None where the program that wrote the run kept none."""

    @staticmethod
    def file_name(start: int, stop: int) -> str:
        """The name of the file.

        >>> Shard.file_name(0, 28)
        '00000000-00000028.safetensors'
        """
        return f"{start:08d}-{stop:08d}.safetensors"

    def save(self, folder: Path, identity: str) -> ShardRecord:
        """Write to `folder`, the shards of the run with that identity, atomically. Raises `RunError`."""
        content = {
            "run": identity,
            "ids": self.ids,
            "skipped": self.skipped,
            "sha256": self._digest(identity),
        }
        data = encode(content, self._tensors())
        write(folder / self.file_name(self.start, self.stop), data)
        return self._record(sha256(data))

    @classmethod
    def load(
        cls, path: Path, identity: str, expected_sha256: str | None = None
    ) -> tuple["Shard", ShardRecord]:
        """Read a shard of the run with that identity, and verify it; the shard, and its file's record.

        Without `expected_sha256` of the file, the hash of the content that the file carries has to be right.
        Raises `IncompleteRun`.
        """
        try:
            data = read(path)
            found = sha256(data)
            if expected_sha256 in (None, found):
                shard = cls._parse(data, path, identity)
                return shard, shard._record(found)
        except FileNotFoundError:
            raise IncompleteRun(
                f"{path} is missing: the same eval command evaluates its images again"
            ) from None
        except (
            OSError,
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
            MemoryError,
        ):
            pass
        raise IncompleteRun(
            f"{path} is damaged or belongs to another run: the same eval command evaluates its images again"
        )

    @classmethod
    def _parse(cls, data: bytes, path: Path, identity: str) -> "Shard":
        """Raises one of many errors for what is not a whole shard."""
        content, tensors = decode(data)
        start, stop = map(int, path.name.partition(".")[0].split("-"))
        labels, hashes = tensors.pop("labels"), tensors.pop("content", None)
        probabilities = {
            name.removeprefix("probabilities/"): array for name, array in sorted(tensors.items())
        }
        shard = cls(start, stop, content["ids"], labels, probabilities, content["skipped"], hashes)
        if (
            content["run"] != identity
            or content["sha256"] != shard._digest(identity)
            or not shard._consistent()
        ):
            raise ValueError("not what was written")
        return shard

    @property
    def top1_hits(self) -> dict[str, int]:
        """The images whose label is the likeliest class, by protocol."""
        return {
            name: int((probabilities.argmax(axis=1) == self.labels).sum())
            for name, probabilities in self.probabilities.items()
        }

    def _consistent(self) -> bool:
        """Whether each image is here once, with a prediction that is finite."""
        names = {*self.ids, *self.skipped}
        each_once = len(names) == len(self.ids) + len(self.skipped) == self.stop - self.start
        all_hashed = self.content is None or self.content.shape == (len(self.ids),)
        return each_once and all_hashed and all(map(self._fits, self.probabilities.values()))

    def _fits(self, probabilities: NDArray[np.float32]) -> bool:
        """Whether these are finite, for all images, and of classes among which are all labels."""
        if probabilities.ndim != 2 or not len(probabilities) == len(self.labels) == len(self.ids):
            return False
        labels_are_known = ((self.labels >= 0) & (self.labels < probabilities.shape[1])).all()
        return bool(labels_are_known and np.isfinite(probabilities).all())

    def _digest(self, identity: str) -> str:
        """sha256 of the content."""
        return digest([identity, self.start, self.stop, self.ids, self.skipped], self._tensors())

    def _tensors(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"labels": self.labels}
        if self.content is not None:
            arrays["content"] = self.content
        return arrays | {f"probabilities/{name}": array for name, array in self.probabilities.items()}

    def _record(self, file_sha256: str) -> ShardRecord:
        return ShardRecord(start=self.start, stop=self.stop, images=len(self.ids), sha256=file_sha256)


@dataclass(frozen=True)
class Run:
    """A run that was opened: its folder and its manifest."""

    path: Path
    manifest: Manifest

    def __repr__(self) -> str:
        return run_line(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return run_table(self)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The run in the folder `path` (or whose manifest that is), complete or not.

        Raises `RunError` where there is none, and `IncompleteRun` where its manifest is damaged or missing.
        """
        folder = path.parent if path.name == MANIFEST else path
        file = folder / MANIFEST
        try:
            data = read(file)
        except FileNotFoundError:
            raise _no_manifest(folder) from None
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror or error}") from None
        return cls(folder, _unseal(data, file))

    @property
    def identity(self) -> str:
        """The hash of all that decides the figures."""
        return self.manifest.identity

    @property
    def name(self) -> str:
        """The network's name, or that of the ensemble."""
        return self.manifest.model.name

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names of the protocols, the smallest first."""
        return tuple(self.manifest.plan.protocols)

    @property
    def complete(self) -> bool:
        """Whether it was finished, and lists a shard for each of its ranges."""
        listed = [range(shard.start, shard.stop) for shard in self.manifest.shards]
        return self.manifest.complete and listed == self.manifest.parts

    @property
    def skipped(self) -> dict[str, str]:
        """The reason for each image that could not be read."""
        return dict(self.manifest.skipped)

    @property
    def excluded(self) -> frozenset[str] | None:
        """Ids of this run's images on the blacklist; None where that is not known, and where no image could
        be on it: there is one image set then.
        """
        blacklist = self.manifest.blacklist
        return frozenset(blacklist.excluded) if blacklist and blacklist.sha256 else None

    @property
    def parts(self) -> list[range]:
        """The ranges of images that have a shard each."""
        return self.manifest.parts

    def table(self, scoring: "Scoring | Sequence[Scoring] | None" = None) -> "pd.DataFrame":
        """The errors: a row for each image set and protocol, with the columns of
        `results.tables.AccuracyRow`.

        `scoring` says among which classes and by which labels, by default as the run was evaluated. Raises as
        `results.tables.accuracy` does.
        """
        from results.scoring import AS_STORED
        from results.tables import accuracy

        return accuracy([self], AS_STORED if scoring is None else scoring)

    def predictions(self, protocol: str | int | None = None, names: Sequence[str] = ()) -> "pd.DataFrame":
        """A row for each image under a protocol, by default the last: image, label, top1 to top5 (the
        likeliest classes), p1 to p5 (their probabilities), and p_label (that of the label).

        With the `names` of the classes by class index there are label_name and top1_name to top5_name as
        well; a data set of other classes than ImageNet's has them in any case. Raises as
        `results.tables.predictions` does.
        """
        from results.tables import predictions

        chosen = self.protocols[-1] if protocol is None else protocol
        return predictions(self, chosen, names or self.manifest.data.classes or ())

    def compare(
        self,
        other: "Run",
        protocol: str | int | None = None,
        image_set: str = "all",
        scoring: "Scoring | None" = None,
    ) -> "Comparison":
        """The run as a beside another one as b, image by image: errors, flips and an exact paired test.

        By default under the last protocol that both have. Raises as `results.comparison.compare` does, and
        `TypeError` where `other` is no run.
        """
        from results.comparison import compare
        from results.scoring import AS_STORED

        if not isinstance(other, Run):
            raise TypeError(f"other must be a Run, not {other!r}: bench.open opens one by its name")
        chosen = None if protocol is None else str(protocol)
        return compare(self, other, chosen, image_set, AS_STORED if scoring is None else scoring)

    def shard_path(self, part: range) -> Path:
        """The file of the shard with these images."""
        return self.path / SHARDS / Shard.file_name(part.start, part.stop)

    def shards(self) -> Iterator[Shard]:
        """All shards in order, each verified, and each image in one of them. Raises `IncompleteRun`."""
        self.check_complete()
        hashes = []
        for part, record in zip(self.parts, self.manifest.shards, strict=True):
            try:
                shard, _ = Shard.load(self.shard_path(part), self.identity, record.sha256)
            except IncompleteRun as error:
                raise IncompleteRun(f"{error}; {self._count_sound()} are sound") from None
            self._check_class_names(shard)
            hashes.append(np.fromiter(map(hash, (*shard.ids, *shard.skipped)), dtype=np.int64))
            yield shard
        if hashes and len(np.unique(np.concatenate(hashes))) != self.manifest.data.images:
            raise IncompleteRun(f"{self.path} has an image in two shards: make the run again with --fresh")

    def _check_class_names(self, shard: Shard) -> None:
        names = self.manifest.data.classes
        for probabilities in shard.probabilities.values():
            if names is not None and len(names) != probabilities.shape[1]:
                raise RunError(
                    f"{self.path} names {len(names):,} classes, and its predictions are of "
                    f"{probabilities.shape[1]:,}: take another copy, or make the run again with --fresh"
                )

    def check_complete(self) -> None:
        """Raise `IncompleteRun`, with the number of images that have a sound shard, unless the run is
        complete.
        """
        if not self.complete:
            command = "import" if self.manifest.model.imported else "eval"
            raise IncompleteRun(
                f"{self.path} is incomplete: {self._count_sound()}; the same {command} command continues it"
            )

    def _count_sound(self) -> str:
        """`n of N images`, those with a sound shard."""
        sound = 0
        listed = {shard.start: shard.sha256 for shard in self.manifest.shards}
        for part in self.parts:
            try:
                Shard.load(self.shard_path(part), self.identity, listed.get(part.start))
            except IncompleteRun:
                continue
            sound += len(part)
        return f"{sound:,} of {self.manifest.data.images:,} images"


def find_run_folder(out: Path, title: str, identity: str) -> Path:
    """The folder in `out` of the run with this identity, however it begins, or a new one named by `title`.

    Raises `RunError`.

    >>> find_run_folder(Path("runs"), "v3-val-1,10", "1a2b3c4d5e6f").as_posix()
    'runs/v3-val-1_10-1a2b3c4d'
    """
    end = f"-{identity[:8]}"
    try:
        with reaching(out):
            found = sorted(out.glob(f"*{end}"))
    except OSError as error:
        raise RunError(f"{out}: {error.strerror or error}") from None
    begin = re.sub(r"[^\w.+-]", "_", title).encode()[:NAME_BYTES].decode(errors="ignore")
    return found[0] if found else out / f"{begin}{end}"


def readable_runs(folder: Path) -> Iterator[Run]:
    """The runs in a folder whose manifests can be read, by name; none where there is no folder. Raises
    `OSError`.
    """
    with reaching(folder):
        paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in paths:
        try:
            yield Run.open(path)
        except RunError:
            continue


def refuse_linked_shards(path: Path) -> None:
    """Raise `RunError` where the shards of the run in the folder `path` are behind a link.

    It may lead to another run's shards, which would be written over.
    """
    shards = path / SHARDS
    if is_local(shards) and shards.is_symlink():
        raise RunError(f"{shards} is a link, maybe to another run's shards: put a folder in its place")


def write_manifest(path: Path, manifest: Manifest) -> Run:
    """Write the manifest of the run in the folder `path`, atomically, with the hash of itself. Raises
    `RunError`.
    """
    manifest = replace(manifest, schema=SCHEMA)
    write(path / MANIFEST, seal(manifest))
    return Run(path, manifest)


def finish(
    run: Run,
    shards: Sequence[ShardRecord],
    skipped: Mapping[str, str],
    seconds: float,
    top1_hits: Mapping[str, int] | None = None,
) -> Run:
    """Mark a run as complete, with the records of all its shards, the images that could not be read, and the
    top-1 hits by protocol where they were counted.

    Raises `IncompleteRun` where a range has no record, or one has two.
    """
    done = replace(
        run.manifest,
        complete=True,
        shards=tuple(sorted(shards, key=lambda shard: shard.start)),
        skipped=dict(skipped),
        seconds=round(seconds, 3),
        top1_hits=dict(top1_hits) if top1_hits else None,
    )
    if not Run(run.path, done).complete:
        run.check_complete()
    return write_manifest(run.path, done)


def _no_manifest(folder: Path) -> RunError:
    """The error for a folder without a manifest, which may be a run all the same."""
    if any((folder / SHARDS).glob("*.safetensors")):
        missing = f"{folder / MANIFEST} is missing"
        return IncompleteRun(f"{missing}: the same eval command writes it again and keeps what is measured")
    return RunError(f"{folder} is no run: it has no {MANIFEST}")


def _unseal(data: bytes, file: Path) -> Manifest:
    """The manifest whose bytes those are. Raises `RunError` for another schema, and `IncompleteRun` for
    damage.
    """
    damaged = IncompleteRun(
        f"{file} is damaged, or was edited: the same eval command writes it again and keeps what is measured"
    )
    try:
        kind, schema = kind_and_schema(data)
    except ValueError:
        raise damaged from None
    if kind == DETECTIONS:
        raise HoldsDetections(f"{file.parent} has detections and no predictions: score-detections reads it")
    if schema not in READABLE:
        raise RunError(
            f"{file} has schema {schema}, this version reads {READABLE[0]} to {SCHEMA}: "
            "use the version that wrote it, or eval --fresh"
        )
    try:
        return parse_manifest(unseal(data))
    except ValueError:
        raise damaged from None
