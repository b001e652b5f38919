"""A run holds every run of fewer of its protocols, which need not be evaluated again."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from results.errors import RunError
from results.manifest import Manifest, PlanRecord, decisive
from results.run import Run, Shard, readable_runs


def find_larger_run(out: Path, wanted: Manifest) -> Run | None:
    """A complete run in the folder `out` that was evaluated as `wanted` is, under its protocols and more.

    None where there is none. A run that left out images that could not be read does not count. Raises
    `RunError` where the folder cannot be read.
    """
    try:
        for run in readable_runs(out):
            if run.complete and not run.skipped and _holds(run.manifest, wanted):
                return run
    except OSError as error:
        raise RunError(f"{out}: {error.strerror or error}") from None
    return None


def _holds(larger: Manifest, wanted: Manifest) -> bool:
    """Whether a run's figures under the protocols of `wanted` are those of `wanted`."""
    if larger.runtime is None:  # an ensemble, or imported predictions
        return False
    protocols = larger.plan.protocols
    has_all = all(protocols.get(name) == protocol for name, protocol in wanted.plan.protocols.items())
    return has_all and _without_protocols(larger) == _without_protocols(wanted)


def _without_protocols(manifest: Manifest) -> tuple[Mapping[str, str], PlanRecord]:
    """All that decides the figures of one network, except which protocols there are."""
    assert manifest.runtime
    deciding = decisive(manifest.model, manifest.data, manifest.plan, manifest.runtime, manifest.shard_images)
    del deciding["protocols"]
    return deciding, replace(manifest.plan, protocols={})


def take_shards(run: Run, parts: Sequence[range], protocols: Sequence[str]) -> Iterator[Shard]:
    """Shards of these ranges under these protocols, made of those of a run that skipped no image.

    `parts` are all images in their order. Raises `RunError` where a shard is missing or damaged.
    """
    unread = run.shards()
    read: deque[Shard] = deque()
    for part in parts:
        while not read or read[-1].stop < part.stop:
            read.append(next(unread))
        yield _join(read, part, protocols)
        while read and read[0].stop <= part.stop:
            read.popleft()


def _join(shards: Sequence[Shard], part: range, protocols: Sequence[str]) -> Shard:
    """The images of `part`, from consecutive shards that have them all."""
    first, last = shards[0].start, shards[-1].stop
    chosen = slice(part.start - first, part.stop - first)
    assert first <= part.start
    assert part.stop <= last
    known = [shard.content for shard in shards if shard.content is not None]
    return Shard(
        start=part.start,
        stop=part.stop,
        ids=[name for shard in shards for name in shard.ids][chosen],
        labels=np.concatenate([shard.labels for shard in shards])[chosen],
        probabilities={
            name: np.concatenate([shard.probabilities[name] for shard in shards])[chosen]
            for name in protocols
        },
        content=np.concatenate(known)[chosen] if len(known) == len(shards) else None,
    )
