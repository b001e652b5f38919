"""Ensembles: the mean of several runs' probabilities (GoogLeNet, section 7). What comes out is a run like any other."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.comparable import common_blacklist, each_once, same_images, same_protocols
from results.errors import RunError, RunUsageError
from results.metrics import error
from results.run import Run, Shard, finish, write_manifest
from results.tables import tally

MEMBER_KEYS = ("identity", "model", "plan", "runtime")
"""What an ensemble's manifest says of each member."""


def ensemble(members: Sequence[Run], out: Path, *, fresh: bool = False) -> Run:
    """The run of `members` together, in a folder of `out`; the one that is there, where it was made before and is whole.

    A shard at a time, so memory does not grow with the number of images. Raises `RunError` that names the difference
    between members that cannot be averaged, and `IncompleteRun`.
    """
    check_members(members)
    identity = _identity(members)
    name = name_of([member.manifest["model"]["name"] for member in members])
    data, plan = (members[0].manifest[key] for key in ("data", "plan"))
    readable = re.sub(r"[^\w.+-]", "_", f"{name}-{Path(data['path']).name}-{members[0].protocols[-1]}")[:120]
    folder = next(iter(sorted(out.glob(f"*-{identity[:8]}"))), out / f"{readable}-{identity[:8]}")
    about = {
        "model": _model(name, members),
        "data": data,
        "plan": plan,
        "blacklist": common_blacklist(members),
    }
    if not fresh and (made := _made(folder, identity)):
        return (
            made
            if made.manifest["blacklist"] == about["blacklist"]
            else write_manifest(folder, dict(made.manifest) | about)
        )
    shape = {
        "shard_images": members[0].manifest["shard_images"],
        "options": {"members": [str(member.path) for member in members]},
    }
    given = {"identity": identity, "complete": False} | about | shape
    run = write_manifest(folder, given | {"runtime": None, "skipped": {}, "shards": [], "environments": []})
    for parts in aligned(members):
        mean(parts).save(run.path / "shards", identity)
    return finish(run, 0.0)


def _made(folder: Path, identity: str) -> Run | None:
    """The ensemble that is in `folder`; None where it is not there whole, so that it is made again."""
    try:
        run = Run.open(folder)
        for _ in run.shards():
            pass
    except RunError:
        return None
    return run if run.manifest["identity"] == identity else None


def growth(members: Sequence[Run]) -> pd.DataFrame:
    """How the error falls as members are added, in the order given: GoogLeNet's Table 3, networks x crops.

    A row for each number of networks, protocol and image set: networks, protocol, image_set, cost (networks x crops),
    n, top1_hits, top5_hits, top1_error, top5_error, and the differences of both errors to the base, the first row of
    its image set. Raises as `ensemble` does.
    """
    check_members(members)
    blacklist = common_blacklist(members)
    excluded = None if blacklist is None else frozenset(blacklist["excluded"])
    counts: dict[tuple[str, int, str], NDArray[np.int64]] = {}
    for parts in aligned(members):
        for networks in range(1, len(members) + 1):
            for (protocol, image_set), found in tally(mean(parts[:networks]), excluded).items():
                key = (image_set, networks, protocol)
                counts[key] = counts.get(key, 0) + found
    protocols = members[0].manifest["plan"]["protocols"]
    rows = []
    base: dict[str, tuple[float, float]] = {}
    for (image_set, networks, protocol), (n, top1, top5, *_) in sorted(
        counts.items(), key=lambda item: item[0][:2]
    ):
        if n:
            errors = error(int(top1), int(n)), error(int(top5), int(n))
            first = base.setdefault(image_set, errors)
            rows.append({
                "networks": networks, "protocol": protocol, "image_set": image_set, "cost": networks * protocols[protocol]["crops"],
                "n": int(n), "top1_hits": int(top1), "top5_hits": int(top5), "top1_error": errors[0], "top5_error": errors[1],
                "top1_to_base": errors[0] - first[0], "top5_to_base": errors[1] - first[1],
            })  # fmt: skip
    return pd.DataFrame(rows)


def aligned(members: Sequence[Run]) -> Iterator[list[Shard]]:
    """The members' shards, those of the same images together. Raises `RunError` where the images are not the same."""
    for parts in zip(*(member.shards() for member in members), strict=False):
        first = parts[0]
        for member, part in zip(members, parts, strict=True):
            if (part.start, part.stop) != (first.start, first.stop):
                raise RunError(
                    f"{member.path} has other shards than {members[0].path}: make one of them again with --fresh"
                )
            if odd := sorted(set(part.ids) ^ set(first.ids)):
                raise RunError(
                    f"{odd[0]} is in only one of {members[0].path} and {member.path}: it was skipped in the other; repair it"
                )
        yield list(parts)


def mean(parts: Sequence[Shard]) -> Shard:
    """The shard whose probabilities are the mean of those of `parts`."""
    first = parts[0]
    pooled: dict[str, NDArray[np.float32]] = {}
    for name in first.probabilities:
        pooled[name] = np.stack([part.probabilities[name] for part in parts]).mean(axis=0, dtype=np.float32)
    return Shard(first.start, first.stop, first.ids, first.labels, pooled, first.skipped)


def check_members(members: Sequence[Run]) -> None:
    """Raise `RunError` with the difference unless these are two networks' runs or more that can be averaged."""
    if len(members) < 2:
        raise RunUsageError("an ensemble has two runs or more: name another one")
    if nested := [member for member in members if "members" in member.manifest["model"]]:
        raise RunUsageError(
            f"{nested[0].path} is an ensemble itself: name its members, so that each counts the same"
        )
    each_once(members)
    same_images(members)
    same_protocols(members)


def name_of(names: Sequence[str]) -> str:
    """`v4+3xir-v2` for one v4 and three ir-v2."""
    return "+".join(name if count == 1 else f"{count}x{name}" for name, count in Counter(names).items())


def _identity(members: Sequence[Run]) -> str:
    content = [
        [member.manifest["identity"], [shard["sha256"] for shard in member.manifest["shards"]]]
        for member in members
    ]
    return hashlib.sha256(json.dumps(["ensemble", content]).encode()).hexdigest()


def _model(name: str, members: Sequence[Run]) -> dict[str, Any]:
    """What the members are, in the words of a network's own description."""
    models = [member.manifest["model"] for member in members]
    listed = [
        {"run": member.path.name} | {key: member.manifest[key] for key in MEMBER_KEYS} for member in members
    ]
    sums = {key: _sum([model.get(key) for model in models]) for key in ("parameters", "multiply_adds")}
    about = {
        "name": name,
        "paper": "",
        "provider": "ensemble",
        "architecture": "",
        "tag": "",
        "weights": f"{len(members)} networks",
    }
    return about | sums | {"members": listed}


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
