"""Ensembles: the mean of several runs' probabilities (GoogLeNet, section 7). An ensemble is a run, too."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from results.comparable import (
    NATIVE,
    check_each_once,
    check_same_content,
    check_same_images,
    check_same_protocols,
    common_blacklist,
    common_protocols,
)
from results.errors import RunError, RunUsageError
from results.larger_run import take_shards
from results.manifest import Manifest, MemberRecord, ModelRecord
from results.metrics import error_percent
from results.run import Run, Shard, find_run_folder
from results.scoring import AS_STORED, Scoring
from results.tables import Counts, class_number, count_hits
from results.whole_run import write_whole_run


def ensemble(members: Sequence[Run], out: Path, *, fresh: bool = False) -> Run:
    """The run of `members` together, in a folder of `out`.

    Where `out` already has it whole, it is used again, unless `fresh`. Works on a shard at a time, so memory
    does not grow with the number of images. Raises `RunError` with the difference between members that cannot
    be averaged, and `IncompleteRun`.
    """
    check_members(members)
    for member in members:
        member.check_complete()
    manifest = _manifest(members)
    folder = find_run_folder(out, _title(manifest), manifest.identity)
    shards = map(mean_shard, aligned_shards(members))
    return write_whole_run(folder, manifest, shards, fresh=fresh)


def _manifest(members: Sequence[Run]) -> Manifest:
    """The manifest of the ensemble before it has shards."""
    first = _first_evaluated(members).manifest
    protocols = {name: first.plan.protocols[name] for name in common_protocols(members)}
    return Manifest(
        identity=_identity(members),
        complete=False,
        model=_model(members),
        data=first.data,
        plan=replace(first.plan, protocols=protocols),
        runtime=None,
        shard_images=first.shard_images,
        blacklist=common_blacklist(members) or first.blacklist,
        skipped={},
        shards=(),
        options={"members": [str(member.path) for member in members]},
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _first_evaluated(members: Sequence[Run]) -> Run:
    """The first member that was evaluated here: of an imported one neither lattice nor shards say anything.
    The first of all where all were imported.
    """
    return next((member for member in members if not member.manifest.model.imported), members[0])


def _identity(members: Sequence[Run]) -> str:
    """Hash of the members' identities and shards, in their order."""
    content = [[member.identity, [shard.sha256 for shard in member.manifest.shards]] for member in members]
    return hashlib.sha256(json.dumps(["ensemble", content]).encode()).hexdigest()


def _model(members: Sequence[Run]) -> ModelRecord:
    models = [member.manifest.model for member in members]
    return ModelRecord(
        name=ensemble_name([model.name for model in models]),
        provider="ensemble",
        architecture="",
        weights=f"{len(members)} networks",
        parameters=_sum([model.parameters for model in models]),
        multiply_adds=_sum([model.multiply_adds for model in models]),
        members=tuple(map(_member, members)),
    )


def _member(run: Run) -> MemberRecord:
    manifest = run.manifest
    return MemberRecord(
        run=run.path.name,
        identity=run.identity,
        model=manifest.model,
        plan=manifest.plan,
        runtime=manifest.runtime,
    )


def _sum(values: Sequence[int | None]) -> int | None:
    """None where one of the values is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def ensemble_name(names: Sequence[str]) -> str:
    """The name of an ensemble of these networks.

    >>> ensemble_name(["v4", "ir-v2", "ir-v2", "ir-v2"])
    'v4+3xir-v2'
    """
    return "+".join(name if count == 1 else f"{count}x{name}" for name, count in Counter(names).items())


def _title(manifest: Manifest) -> str:
    """What the name of the ensemble's folder says."""
    largest = list(manifest.plan.protocols)[-1]
    return f"{manifest.model.name}-{Path(manifest.data.path).name}-{largest}"


def check_members(members: Sequence[Run]) -> None:
    """Raise `RunError` unless these are the runs, complete or not, of two or more networks that can be
    averaged.
    """
    if len(members) < 2:
        raise RunUsageError("an ensemble has two runs or more: name another one")
    for member in members:
        if member.manifest.model.members:
            raise RunUsageError(
                f"{member.path} is an ensemble itself: name its members, so that each counts the same"
            )
    check_each_once(members)
    check_same_images(members)
    check_same_protocols(members)
    common_blacklist(members)


def aligned_shards(members: Sequence[Run]) -> Iterator[list[Shard]]:
    """The members' shards of the same images under the protocols that all have, a list for each range.

    Raises `RunError` where a member has other ranges, skipped an image that another has, or saw another file.
    """
    first = members[0]
    parts = _first_evaluated(members).parts
    protocols = common_protocols(members)
    for shards in zip(*(_shards(member, parts, protocols) for member in members), strict=False):
        start, stop, ids = shards[0].start, shards[0].stop, set(shards[0].ids)
        for member, shard in zip(members, shards, strict=True):
            if (shard.start, shard.stop) != (start, stop):
                raise RunError(
                    f"{member.path} has other shards than {first.path}: make one of them again with --fresh"
                )
            if in_one := sorted(ids.symmetric_difference(shard.ids)):
                raise RunError(
                    f"{in_one[0]} is in only one of {first.path} and {member.path}: "
                    "it was skipped in the other; repair it"
                )
        paths = [member.path for member in members]
        check_same_content(shards[0].ids, [shard.content for shard in shards], paths)
        yield list(shards)


def _shards(member: Run, parts: Sequence[range], protocols: Sequence[str]) -> Iterator[Shard]:
    """A member's shards under these protocols. An imported run's, which skips no image, are of `parts`."""
    if member.manifest.model.imported:
        yield from take_shards(member, parts, protocols)
        return
    for shard in member.shards():
        yield replace(shard, probabilities={name: shard.probabilities[name] for name in protocols})


def mean_shard(shards: Sequence[Shard]) -> Shard:
    """The shard with the mean of the probabilities of `shards`, which are of the same images, under the
    protocols that all have.
    """
    mean = {
        protocol: np.stack([shard.probabilities[protocol] for shard in shards]).mean(axis=0, dtype=np.float32)
        for protocol in shards[0].probabilities
        if all(protocol in shard.probabilities for shard in shards)
    }
    content = next((shard.content for shard in shards if shard.content is not None), None)
    return replace(shards[0], probabilities=mean, content=content)


@dataclass(frozen=True, kw_only=True)
class GrowthRow:
    """The first members together, under one protocol, on one image set. Errors are in percent."""

    networks: int
    """Members."""
    protocol: str
    image_set: str
    cost: int
    """Crops classified for an image: networks x crops."""
    n: int
    """Images."""
    top1_hits: int
    top5_hits: int
    top1_error: float
    top5_error: float
    top1_to_base: float
    """Points above the error of the first row of the image set."""
    top5_to_base: float
    classes: int
    """Among which the networks chose."""


def growth(members: Sequence[Run]) -> pd.DataFrame:
    """The error as members are added in their order, as GoogLeNet's Table 3 has it: without the native crop,
    if there are other crops.

    A row for each image set, number of networks and protocol, with the columns of `GrowthRow`. Raises as
    `ensemble` does.
    """
    check_members(members)
    protocols = members[0].manifest.plan.protocols
    scoring = AS_STORED.of_run(members[0])
    counts = _growth_counts(members, scoring)
    only_native = all(protocol == NATIVE for _, _, protocol in counts)
    rows: list[GrowthRow] = []
    base: dict[str, tuple[float, float]] = {}
    for key in sorted(counts, key=lambda key: key[:2]):  # protocols keep their order
        image_set, networks, protocol = key
        found = counts[key]
        if not found.n or (protocol == NATIVE and not only_native):
            continue
        top1, top5 = error_percent(found.top1_hits, found.n), error_percent(found.top5_hits, found.n)
        base_top1, base_top5 = base.setdefault(image_set, (top1, top5))
        rows.append(
            GrowthRow(
                networks=networks,
                protocol=protocol,
                image_set=image_set,
                cost=networks * protocols[protocol].crops,
                n=found.n,
                top1_hits=found.top1_hits,
                top5_hits=found.top5_hits,
                top1_error=top1,
                top5_error=top5,
                top1_to_base=top1 - base_top1,
                top5_to_base=top5 - base_top5,
                classes=len(scoring.classes.groups) if scoring.classes else class_number(members[0]),
            )
        )
    return pd.DataFrame([asdict(row) for row in rows])


def _growth_counts(members: Sequence[Run], scoring: Scoring) -> dict[tuple[str, int, str], Counts]:
    """The counts by (image set, number of networks, protocol)."""
    blacklist = common_blacklist(members)
    excluded = None if blacklist is None else frozenset(blacklist.excluded)
    counts: dict[tuple[str, int, str], Counts] = {}
    for shards in aligned_shards(members):
        for networks in range(1, len(members) + 1):
            found = count_hits(mean_shard(shards[:networks]), excluded, scoring=scoring)
            for (protocol, image_set), more in found.items():
                key = (image_set, networks, protocol)
                counts[key] = counts.get(key, Counts()) + more
    return counts
