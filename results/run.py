"""A run on disk: what one network said of each image, how it was asked, and proof that nothing changed since.

    RUN/manifest.json                     what was run, on what, with what; `complete` once every image is there
    RUN/shards/00000000-00000028.safetensors  the images 0 to 27: pooled probabilities per protocol, labels, ids

A shard is written whole or not at all, names its run, and carries the hash of its content. The manifest lists each
shard with its range and the hash of its file, and carries the hash of itself. No pickle anywhere.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.errors import IncompleteRun, RunError
from results.storage import read, sha256, write

SCHEMA = 2
MANIFEST = "manifest.json"
NON_BLACKLISTED = "non-blacklisted"
SEAL = b',\n  "sha256": "'
"""What stands between a manifest and its hash."""

KEYS = (
    "identity",
    "complete",
    "model",
    "data",
    "plan",
    "runtime",
    "shard_images",
    "blacklist",
    "skipped",
    "shards",
)
"""What every manifest has."""


@dataclass(frozen=True)
class Shard:
    """Some consecutive images of a run, `start` to `stop` in the data's order.

    `labels` are [n] class indices, `probabilities` [n x classes] for each protocol. `skipped` has the reason for each
    image that could not be read; those are not among the n.
    """

    start: int
    stop: int
    ids: list[str]
    labels: NDArray[np.int64]
    probabilities: dict[str, NDArray[np.float32]]
    skipped: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def file_name(start: int, stop: int) -> str:
        return f"{start:08d}-{stop:08d}.safetensors"

    def save(self, folder: Path, identity: str) -> None:
        """Write to the `folder` of the run with that identity, atomically. Raises `RunError`."""
        from safetensors.numpy import save

        about = {"run": identity, "ids": self.ids, "skipped": self.skipped, "sha256": self._digest(identity)}
        write(
            folder / self.file_name(self.start, self.stop),
            save(self._tensors(), {"shard": json.dumps(about)}),
        )

    @classmethod
    def load(cls, path: Path, identity: str, listed: str | None = None) -> "Shard":
        """Read back, and verify that it is the run's and has the hash `listed`, or the one it carries. Raises `IncompleteRun`."""
        return cls.load_with_hash(path, identity, listed)[0]

    @classmethod
    def load_with_hash(cls, path: Path, identity: str, listed: str | None = None) -> tuple["Shard", str]:
        """As `load`, and the sha256 of the file."""
        try:
            data = read(path)
            found = sha256(data)
            if listed in (None, found):
                return cls._parse(data, path, identity), found
        except FileNotFoundError:
            raise IncompleteRun(f"{path} is missing: the same eval command makes it again") from None
        except (
            OSError,
            KeyError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
            MemoryError,
        ):
            pass
        raise IncompleteRun(f"{path} is damaged or another run's: the same eval command makes it again")

    @classmethod
    def _parse(cls, data: bytes, path: Path, identity: str) -> "Shard":
        """Raises one of many errors for what is no whole shard."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ValueError(str(error)) from None
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"]["shard"])
        start, stop = map(int, path.name.partition(".")[0].split("-"))
        labels = tensors.pop("labels")
        probabilities = {
            name.removeprefix("probabilities/"): array for name, array in sorted(tensors.items())
        }
        shard = cls(start, stop, about["ids"], labels, probabilities, about["skipped"])
        each_once = len({*shard.ids, *shard.skipped}) == len(shard.ids) + len(shard.skipped) == stop - start
        finite = all(
            np.isfinite(array).all() and len(array) == len(labels) == len(shard.ids)
            for array in probabilities.values()
        )
        if about["run"] == identity and about["sha256"] == shard._digest(identity) and each_once and finite:
            return shard
        raise ValueError("not what was written")

    def _digest(self, identity: str) -> str:
        """sha256 of the content."""
        digest = hashlib.sha256(
            json.dumps([identity, self.start, self.stop, self.ids, self.skipped]).encode()
        )
        for name, array in sorted(self._tensors().items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _tensors(self) -> dict[str, NDArray[Any]]:
        return {"labels": self.labels} | {
            f"probabilities/{name}": array for name, array in self.probabilities.items()
        }


@dataclass(frozen=True)
class Run:
    """A run that was opened: its folder and its manifest."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The run in the folder `path` (or whose manifest that is), complete or not. Raises `RunError`, or `IncompleteRun`."""
        path = path.parent if path.name == MANIFEST else path
        file = path / MANIFEST
        try:
            data = read(file)
        except FileNotFoundError:
            raise RunError(f"{path} is no run: it has no {MANIFEST}") from None
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror or error}") from None
        try:
            manifest = json.loads(data)
            schema = manifest["schema"]
            body, _, seal = data.rpartition(SEAL)
            whole = seal == _end(body) and manifest.pop("sha256")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            schema, whole = SCHEMA, False
        if schema != SCHEMA:
            raise RunError(
                f"{file} has schema {schema}, this version reads {SCHEMA}: use the version that wrote it, or eval --fresh"
            )
        if not whole or not all(key in manifest for key in KEYS):
            raise IncompleteRun(
                f"{file} is damaged, or was edited: the same eval command makes it again and keeps what is measured"
            )
        return cls(path, manifest)

    @property
    def identity(self) -> str:
        return str(self.manifest["identity"])

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(self.manifest["plan"]["protocols"])

    @property
    def complete(self) -> bool:
        """Whether it was finished, and lists a shard for each of its ranges."""
        listed = [range(one["start"], one["stop"]) for one in self.manifest["shards"]]
        return bool(self.manifest["complete"]) and listed == self.parts

    @property
    def skipped(self) -> dict[str, str]:
        """The reason for each image that could not be read."""
        return dict(self.manifest["skipped"])

    @property
    def excluded(self) -> frozenset[str] | None:
        """Ids of this run's images on the blacklist; None where that is not known."""
        blacklist = self.manifest["blacklist"]
        return None if blacklist is None else frozenset(blacklist["excluded"])

    @property
    def parts(self) -> list[range]:
        """The ranges of images that have a shard each."""
        total, step = self.manifest["data"]["images"], self.manifest["shard_images"]
        return [range(start, min(start + step, total)) for start in range(0, total, step)]

    def shard_path(self, part: range) -> Path:
        return self.path / "shards" / Shard.file_name(part.start, part.stop)

    def shards(self) -> Iterator[Shard]:
        """All shards in order, each verified, and each image in one of them. Raises `IncompleteRun`."""
        self.check_complete()
        hashes = []
        for part, one in zip(self.parts, self.manifest["shards"], strict=True):
            try:
                shard = Shard.load(self.shard_path(part), self.identity, one["sha256"])
            except IncompleteRun as error:
                raise IncompleteRun(f"{error}; {self._sound()} are sound") from None
            hashes.append(np.fromiter(map(hash, (*shard.ids, *shard.skipped)), dtype=np.int64))
            yield shard
        if hashes and len(np.unique(np.concatenate(hashes))) != self.manifest["data"]["images"]:
            raise IncompleteRun(f"{self.path} has an image in two shards: make the run again with --fresh")

    def check_complete(self) -> None:
        """Raise `IncompleteRun`, with the number of images that are there, unless the run is complete."""
        if not self.complete:
            raise IncompleteRun(
                f"{self.path} is incomplete: {self._sound()}; the same eval command continues it"
            )

    def _sound(self) -> str:
        """`n of N images` of which there are good shards."""
        sound = 0
        listed = {one["start"]: one["sha256"] for one in self.manifest["shards"]}
        for part in self.parts:
            try:
                Shard.load(self.shard_path(part), self.identity, listed.get(part.start))
            except IncompleteRun:
                continue
            sound += len(part)
        return f"{sound:,} of {self.manifest['data']['images']:,} images"


def _body(manifest: Mapping[str, Any]) -> bytes:
    """All but the hash, as JSON, with a line for each shard: there may be hundreds of thousands."""
    dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode
    lines = ",\n    ".join(map(dumps, manifest["shards"]))
    frame = json.dumps(
        dict(manifest) | {"shards": []}, indent=2, ensure_ascii=True, allow_nan=False
    ).removesuffix("\n}")
    return (
        frame.replace('\n  "shards": []', f'\n  "shards": [\n    {lines}\n  ]', 1) if lines else frame
    ).encode()


def _end(body: bytes) -> bytes:
    """What stands behind `SEAL`: the hash of what stands before it."""
    return f'{sha256(body)}"\n}}\n'.encode()


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> Run:
    """Write the manifest of the run in the folder `path`, atomically, with the hash of itself, and open it."""
    body = _body({"schema": SCHEMA} | dict(manifest))
    write(path / MANIFEST, body + SEAL + _end(body))
    return Run.open(path)


def finish(run: Run, seconds: float, look: Callable[[Shard], None] = lambda shard: None) -> Run:
    """Mark a run whose images are all there as complete: list its shards with their hashes, each shown to `look`.

    Raises `IncompleteRun`, and what `look` raises.
    """
    listed: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    for part in run.parts:
        try:
            shard, digest = Shard.load_with_hash(run.shard_path(part), run.identity)
        except IncompleteRun:
            raise IncompleteRun(
                f"{run.path} is incomplete: {run._sound()}; the same eval command continues it"
            ) from None
        look(shard)
        listed.append({"start": part.start, "stop": part.stop, "images": len(shard.ids), "sha256": digest})
        skipped |= shard.skipped
    return write_manifest(
        run.path,
        dict(run.manifest)
        | {"complete": True, "seconds": round(seconds, 3), "skipped": skipped, "shards": listed},
    )
