"""The text of a manifest, with a hash of itself at its end."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from results.manifest import Manifest, plain
from results.storage import sha256

if TYPE_CHECKING:
    from results.detection.manifest import DetectionsManifest

_SEAL = b',\n  "sha256": "'
"""Separates a manifest from the hash of itself."""


def seal(manifest: "Manifest | DetectionsManifest") -> bytes:
    """The manifest as JSON, with a line for each shard, and the hash of all that stands before it."""
    body = _to_json(manifest)
    return body + _SEAL + _closing(body)


def unseal(data: bytes) -> bytes:
    """The JSON text without the hash. Raises `ValueError` where that is not the right one."""
    body, _, closing = data.rpartition(_SEAL)
    if closing != _closing(body):
        raise ValueError("not what was written")
    return body + b"\n}"


def _to_json(manifest: "Manifest | DetectionsManifest") -> bytes:
    """All but the hash and the closing brace, with a line for each shard: there may be hundreds of
    thousands.
    """
    lines = ",\n    ".join(json.dumps(plain(shard)) for shard in manifest.shards)
    frame = json.dumps(plain(replace(manifest, shards=())), indent=2, allow_nan=False)
    frame = frame.removesuffix("\n}")
    if lines:
        frame = frame.replace('\n  "shards": []', f'\n  "shards": [\n    {lines}\n  ]', 1)
    return frame.encode()


def _closing(body: bytes) -> bytes:
    """What stands behind `_SEAL`: the hash of what stands before it."""
    return f'{sha256(body)}"\n}}\n'.encode()
