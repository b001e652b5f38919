"""A run on disk: what one network said of each image, how it was asked, and proof that nothing changed since.

    RUN/manifest.json                     what was run, on what, with what; `complete` once every image is there
    RUN/shards/00000000-00000028.safetensors  the images 0 to 27: pooled probabilities per protocol, labels, ids

A shard is written whole or not at all and carries the hash of its content. No pickle anywhere.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
MANIFEST = "manifest.json"
NON_BLACKLISTED = "non-blacklisted"
KEYS = ("identity", "complete", "model", "data", "plan", "blacklist", "skipped", "shards")
"""What every manifest has."""


class RunError(Exception):
    """A run cannot be read or written; the message is one line: what, where, what to do. Exit code 1."""

    exit_code = 1


class RunUsageError(RunError):
    """Runs are asked for what they do not have, or in a way that means nothing. Exit code 2."""

    exit_code = 2


class IncompleteRun(RunError):  # noqa: N818 - what it is, not that it is an error
    """Images are missing from a run. Exit code 4."""

    exit_code = 4


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

    def digest(self) -> str:
        """sha256 of the content."""
        digest = hashlib.sha256(json.dumps([self.start, self.stop, self.ids, self.skipped]).encode())
        for name, array in sorted(self._tensors().items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write to `folder`, atomically. Raises `RunError`."""
        from safetensors.numpy import save

        about = {"ids": self.ids, "skipped": self.skipped, "sha256": self.digest()}
        write_atomically(folder / self.file_name(self.start, self.stop), save(self._tensors(), {"shard": json.dumps(about)}))

    @classmethod
    def load(cls, path: Path, expected: str | None = None) -> "Shard":
        """Read back and verify. Raises `RunError` for a file that is damaged, no shard, or not the one with the hash `expected`."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as file:
                about = json.loads(file.metadata()["shard"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            start, stop = map(int, path.stem.split("-"))
            shard = cls(
                start, stop, about["ids"], tensors.pop("labels"),
                {name.removeprefix("probabilities/"): array for name, array in tensors.items()},
                about["skipped"],
            )  # fmt: skip
            finite = all(np.isfinite(array).all() for array in shard.probabilities.values())
            if (found := shard.digest()) == about["sha256"] and finite:
                if expected in (None, found):
                    return shard
                raise RunError(f"{path} is not the shard that the manifest lists: make the run again with --fresh")
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            pass
        raise RunError(f"{path} is damaged: delete it, and the same eval command makes it again")

    def _tensors(self) -> dict[str, NDArray[Any]]:
        return {"labels": self.labels} | {f"probabilities/{name}": array for name, array in self.probabilities.items()}


@dataclass(frozen=True)
class Run:
    """A run that was opened: its folder and its manifest."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The run in the folder `path` (or whose manifest that is), complete or not. Raises `RunError`."""
        path = path.parent if path.name == MANIFEST else path
        file = path / MANIFEST
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
            schema = manifest["schema"]
        except FileNotFoundError:
            raise RunError(f"{path} is no run: it has no {MANIFEST}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{file} cannot be read ({error}): the run is damaged, make it again with --fresh") from None
        if schema != SCHEMA:
            raise RunError(f"{file} has schema {schema}, this version reads {SCHEMA}: use the version that wrote it")
        if lacking := [key for key in KEYS if key not in manifest]:
            raise RunError(f"{file} lacks {', '.join(lacking)}: the run is damaged, make it again with --fresh")
        return cls(path, manifest)

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(self.manifest["plan"]["protocols"])

    @property
    def complete(self) -> bool:
        return bool(self.manifest["complete"])

    @property
    def skipped(self) -> dict[str, str]:
        """The reason for each image that could not be read."""
        return dict(self.manifest["skipped"])

    @property
    def excluded(self) -> frozenset[str] | None:
        """Ids of this run's images on the blacklist; None where that is not known."""
        blacklist = self.manifest["blacklist"]
        return None if blacklist is None else frozenset(blacklist["excluded"])

    def shard_paths(self) -> list[Path]:
        return sorted((self.path / "shards").glob("[0-9]*-[0-9]*.safetensors"))

    def shards(self) -> Iterator[Shard]:
        """All shards in order, each verified. Raises `RunError`, or `IncompleteRun` where images are missing."""
        if not self.complete:
            done = sum(stop - start for start, stop in map(_span, self.shard_paths()))
            raise IncompleteRun(
                f"{self.path} is incomplete: {done:,} of {self.manifest['data']['images']:,} images; the same eval command continues it"
            )
        for listed in self.manifest["shards"]:
            path = self.path / "shards" / listed["file"]
            if not path.is_file():
                raise IncompleteRun(f"{path} is missing: the same eval command makes it again")
            yield Shard.load(path, listed["sha256"])


def _span(path: Path) -> tuple[int, int]:
    start, _, stop = path.stem.partition("-")
    return int(start), int(stop)


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> Run:
    """Write the manifest of the run in the folder `path`, atomically, and open it."""
    text = json.dumps({"schema": SCHEMA} | dict(manifest), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    write_atomically(path / MANIFEST, text.encode())
    return Run.open(path)


def finish(run: Run, seconds: float) -> Run:
    """Mark a run whose images are all there as complete: list its shards with their hashes. Raises `IncompleteRun`."""
    listed: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    expected = 0
    for path in run.shard_paths():
        shard = Shard.load(path)
        if shard.start != expected:
            break
        expected = shard.stop
        listed.append({"file": path.name, "images": len(shard.ids), "sha256": shard.digest()})
        skipped |= shard.skipped
    total = run.manifest["data"]["images"]
    if expected != total:
        raise IncompleteRun(f"{run.path} is incomplete: {expected:,} of {total:,} images; the same eval command continues it")
    return write_manifest(
        run.path, dict(run.manifest) | {"complete": True, "seconds": round(seconds, 3), "skipped": skipped, "shards": listed}
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that after a crash the old or the new content is there, whole. Raises `RunError`.

    Beside the target, flushed to disk, then renamed; the folder's entry is flushed too.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise RunError(
            f"cannot write {path}: {error.strerror or error}; make room or choose another place, and the same command continues"
        ) from None
