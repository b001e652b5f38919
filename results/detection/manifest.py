"""What is known of a run of detections: its `manifest.json`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from results.errors import IncompleteRun, RunError
from results.manifest import DataRecord, ModelRecord, RuntimeRecord, ShardRecord, kind_of, plain
from results.run import DETECTIONS, MANIFEST
from results.storage import read, write


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
    selection: dict[str, float]
    """The numbers that decide which regions became detections, by the names of their options."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The reason for each image, by id, that could not be read."""
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


def read_manifest(folder: Path) -> DetectionsManifest:
    """The manifest of the run of detections in a folder.

    Raises `OSError`, `RunError` where the run is of another kind, and `IncompleteRun` where the manifest is
    damaged.
    """
    data = read(folder / MANIFEST)
    damaged = IncompleteRun(f"{folder / MANIFEST} is damaged: the same detect command writes it again")
    try:
        if kind_of(data) != DETECTIONS:
            raise RunError(f"{folder} has predictions and no detections: name a run of detect")
        # Not by msgspec alone, which refuses names of files that are not Unicode.
        return msgspec.convert(json.loads(data), DetectionsManifest)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise damaged from None


def write_manifest(folder: Path, manifest: DetectionsManifest) -> None:
    """Write the manifest of the run in a folder, atomically. Raises `RunError`."""
    write(folder / MANIFEST, json.dumps(plain(manifest), indent=2).encode() + b"\n")
