"""What is known of a run of detections: its `manifest.json`."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.errors import IncompleteRun, RunError
from results.manifest import (
    DataRecord,
    ModelRecord,
    RuntimeRecord,
    ShardRecord,
    kind_and_schema,
    parse_as,
)
from results.run import DETECTIONS, MANIFEST
from results.sealed import seal, unseal
from results.storage import reaching, read, write

SCHEMA = 1
"""The layout that is written, and read."""


@dataclass(frozen=True, kw_only=True)
class ProposalsRecord:
    """The regions that were classified."""

    path: str
    """Their file."""
    sha256: str
    """Of the file."""
    regions: int
    """How many there are, those of images that could not be read among them."""


@dataclass(frozen=True, kw_only=True)
class DetectionsManifest:
    """All that is known of a run of detections."""

    kind: str = DETECTIONS
    """What the run is of."""
    schema: int = SCHEMA
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
    """The images."""
    proposals: ProposalsRecord
    """The regions."""
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

    Raises `OSError`, `RunError` where the run is of another kind or schema, and `IncompleteRun` where the
    manifest is damaged.
    """
    file = folder / MANIFEST
    data = read(file)
    try:
        kind, schema = kind_and_schema(data)
        if kind != DETECTIONS:
            raise RunError(f"{folder} has predictions and no detections: name a run of detect")
        if schema != SCHEMA:
            raise RunError(
                f"{file} has schema {schema}, this version reads {SCHEMA}: "
                "use the version that wrote it, or detect --fresh"
            )
        return parse_as(DetectionsManifest, unseal(data))
    except ValueError:
        raise IncompleteRun(
            f"{file} is damaged, or was edited: the same detect command writes it again and keeps the shards"
        ) from None


def readable_manifests(folder: Path) -> Iterator[DetectionsManifest]:
    """Those of the runs of detections in a folder that can be read, by name; none where there is no folder.
    Raises `OSError`.
    """
    with reaching(folder):
        paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in paths:
        with suppress(OSError, RunError):
            yield read_manifest(path)


def write_manifest(folder: Path, manifest: DetectionsManifest) -> None:
    """Write the manifest of the run in a folder, atomically, with the hash of itself. Raises `RunError`."""
    write(folder / MANIFEST, seal(manifest))
