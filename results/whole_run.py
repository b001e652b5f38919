"""A run whose predictions are all there before it is written: an ensemble, or imported predictions."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from results.class_sets import ClassSet
from results.errors import RunError
from results.manifest import BlacklistRecord, Manifest, ShardRecord
from results.run import SHARDS, Run, Shard, finish, refuse_linked_shards, write_manifest


def write_whole_run(folder: Path, manifest: Manifest, shards: Iterable[Shard], *, fresh: bool) -> Run:
    """The complete run of this manifest with these shards, in `folder`.

    Where `folder` has it whole, its shards are used again, unless `fresh`. Its manifest is written again if
    the blacklist or the set of classes is another, which decide no shard. Raises `RunError`.
    """
    existing = None if fresh else _find_whole_run(folder, manifest.identity)
    if existing:
        if _judged_by(existing.manifest) == _judged_by(manifest):
            return existing
        changed = replace(
            existing.manifest,
            model=manifest.model,
            data=manifest.data,
            plan=manifest.plan,
            blacklist=manifest.blacklist,
        )
        return write_manifest(folder, changed)
    refuse_linked_shards(folder)
    run = write_manifest(folder, manifest)
    records: list[ShardRecord] = []
    skipped: dict[str, str] = {}
    hits: Counter[str] = Counter()
    for shard in shards:
        records.append(shard.save(run.path / SHARDS, run.identity))
        skipped.update(shard.skipped)
        hits.update(shard.top1_hits)
    return finish(run, records, skipped, 0.0, hits)


def _judged_by(manifest: Manifest) -> tuple[BlacklistRecord | None, ClassSet | None]:
    """What decides figures and no shard."""
    return manifest.blacklist, manifest.data.class_set


def _find_whole_run(folder: Path, identity: str) -> Run | None:
    """The run in `folder`, if it has that identity and all of its shards are sound."""
    try:
        run = Run.open(folder)
        for _ in run.shards():
            pass
    except RunError:
        return None
    return run if run.identity == identity else None
