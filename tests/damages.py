"""Ways in which a run on disk is no longer what was written, and what is said of each."""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from results.run import MANIFEST, Run, write_manifest


@dataclass(frozen=True)
class Damage:
    """One way to damage a complete run."""

    name: str
    apply: Callable[[Run], object]
    """Does it to a run."""
    message: str
    """A pattern for the line with which commands refuse the run."""
    exit_code: int = 4
    """Of these commands; 4 says that `eval` repairs the run."""

    def __str__(self) -> str:
        return self.name


def replace_in_manifest(old: str, new: str) -> Callable[[Run], object]:
    """Edit the manifest by hand, which leaves the hash of itself as it was."""

    def edit(run: Run) -> None:
        text = manifest_of(run).read_text()
        assert old in text
        manifest_of(run).write_text(text.replace(old, new, 1))

    return edit


def set_in_manifest(**fields: object) -> Callable[[Run], object]:
    """Write another manifest, with the right hash of itself."""
    return lambda run: write_manifest(run.path, replace(run.manifest, **fields))


def manifest_of(run: Run) -> Path:
    return run.path / MANIFEST


def shard_of(run: Run) -> Path:
    """The file of the first shard."""
    return run.shard_path(run.parts[0])


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_device(path: Path) -> None:
    """By a link to a device that has no end."""
    path.unlink()
    path.symlink_to("/dev/zero")


def cut_off(path: Path, size: int) -> None:
    """Keep the first bytes, or with a negative size all but the last ones."""
    path.write_bytes(path.read_bytes()[:size])


def save_shard_of_another_run(run: Run) -> None:
    next(run.shards()).save(shard_of(run).parent, "another identity")


def save_shard_with_other_labels(run: Run) -> None:
    """Whole in itself, with the right hash of its content."""
    shard = next(run.shards())
    replace(shard, labels=(shard.labels + 1) % 10).save(shard_of(run).parent, run.identity)


LOST = f"{MANIFEST} is missing: the same eval command writes it again and keeps what is measured"
EDITED = f"{MANIFEST} is damaged, or was edited: the same eval command writes it again"
UNREADABLE = f"{MANIFEST} cannot be read"
INCOMPLETE = r"is incomplete: (\d+) of \1 images; the same eval command continues it"
SOUND = r"the same eval command evaluates its images again; \d+ of \d+ images are sound"
MISSING = f"safetensors is missing: {SOUND}"
DAMAGED = f"safetensors is damaged or belongs to another run: {SOUND}"
NEWER = "has schema 4, this version reads 2 to 3: use the version that wrote it, or eval --fresh"

REPAIRABLE_MANIFESTS = [
    Damage("blank-added", replace_in_manifest('"complete": true', '"complete":  true'), EDITED),
    Damage("other-number-of-images", replace_in_manifest('"images": ', '"images": 1'), EDITED),
    Damage("nan", replace_in_manifest('"complete": true', '"complete": NaN'), EDITED),
    Damage("truncated", lambda run: cut_off(manifest_of(run), 500), EDITED),
    Damage("empty", lambda run: cut_off(manifest_of(run), 0), EDITED),
    Damage("no-text", lambda run: manifest_of(run).write_bytes(bytes(range(256))), EDITED),
    Damage("missing", lambda run: manifest_of(run).unlink(), LOST),
    Damage("list", lambda run: manifest_of(run).write_text("[]"), EDITED),
    Damage("brackets-without-end", lambda run: manifest_of(run).write_text("[" * 100_000), EDITED),
    Damage("not-complete", set_in_manifest(complete=False), INCOMPLETE),
    Damage("no-shard-listed", set_in_manifest(shards=()), INCOMPLETE),
]
"""The shards are sound, and are kept."""

UNUSABLE_MANIFESTS = [
    Damage("newer-schema", replace_in_manifest('"schema": 3', '"schema": 4'), NEWER, 1),
    Damage("folder", lambda run: replace_by_folder(manifest_of(run)), f"{UNREADABLE}: Is a directory", 1),
    Damage("pipe", lambda run: replace_by_pipe(manifest_of(run)), f"{UNREADABLE}: it is a pipe", 1),
    Damage("device", lambda run: replace_by_device(manifest_of(run)), f"{UNREADABLE}: .* or a device", 1),
]

SHARDS = [
    Damage("missing", lambda run: shard_of(run).unlink(), MISSING),
    Damage("empty", lambda run: cut_off(shard_of(run), 0), DAMAGED),
    Damage("truncated", lambda run: cut_off(shard_of(run), -1), DAMAGED),
    Damage("longer", lambda run: shard_of(run).write_bytes(shard_of(run).read_bytes() + b"x"), DAMAGED),
    Damage("text", lambda run: shard_of(run).write_text("hello"), DAMAGED),
    Damage("header-without-end", lambda run: shard_of(run).write_bytes(struct.pack("<Q", 2**60)), DAMAGED),
    Damage("pipe", lambda run: replace_by_pipe(shard_of(run)), DAMAGED),
    Damage("device", lambda run: replace_by_device(shard_of(run)), DAMAGED),
    Damage("of-another-run", save_shard_of_another_run, DAMAGED),
    Damage("other-labels", save_shard_with_other_labels, DAMAGED),
]
"""`eval` evaluates the images of this shard again."""

SHARD_IS_A_FOLDER = Damage("folder", lambda run: replace_by_folder(shard_of(run)), DAMAGED)
"""`eval` does not remove it."""
