"""Tables of runs, as pandas frames."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results import published
from results.comparable import each_once
from results.errors import RunError
from results.metrics import error, rank_range, ranks, top, wilson
from results.run import NON_BLACKLISTED, Run, Shard

KEY = ("model", "protocol", "image_set")
ROUNDING = {"fp32": 1e-5, "fp16": 2e-3, "bf16": 1.6e-2}
"""What a difference of two probabilities may differ by between batch sizes and processors, by precision: two units in the last
place of 1 in half precision; in fp32, where many operations add up, ten times what was measured."""

MEASURED = ("n", "top1_hits", "top5_hits", "top1_error", "top5_error")


def accuracy(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each run, protocol and image set: hits, errors in percent with 95 % intervals, published figures.

    Columns: `KEY`, `MEASURED`, `top1_low` to `top5_high`; `top1_near` and `top5_near`, images that are hits or not within
    `ROUNDING`, ties among them; `weights_top1`, `weights_top5`, `weights_source`,
    `paper_top1`, `paper_top5`, `paper_source`, empty where nothing was published; `images_sha256` and
    `protocol_sha256`, equal where images and protocol are; and `weights` and `run`, which tell runs of the same network
    apart. Raises `IncompleteRun`, and `RunError` for a run that is named twice.
    """
    each_once(runs)
    rows = [row for run in runs for row in _rows(run)]
    names = pd.Series([row.pop("run") for row in rows], dtype=object)  # some names are no Unicode
    return pd.DataFrame(rows).assign(run=names)


def tally(
    shard: Shard, excluded: frozenset[str] | None, tolerance: float = 0.0
) -> dict[tuple[str, str], NDArray[np.int64]]:
    """[n, top-1 hits, top-5 hits, top-1 near, top-5 near] of a shard for each protocol and image set."""
    sets = {"all": np.ones(len(shard.ids), dtype=bool)}
    if excluded is not None:
        sets[NON_BLACKLISTED] = np.array([image_id not in excluded for image_id in shard.ids], dtype=bool)
    found = {}
    for protocol, probabilities in shard.probabilities.items():
        rank = ranks(probabilities, shard.labels)
        least, greatest = rank_range(probabilities, shard.labels, tolerance)
        columns = [np.ones_like(rank), rank < 1, rank < 5, *((least < k) & (greatest >= k) for k in (1, 5))]
        for name, chosen in sets.items():
            found[protocol, name] = np.array([column[chosen].sum() for column in columns])
    return found


def _rows(run: Run) -> list[dict[str, object]]:
    counts: dict[tuple[str, str], NDArray[np.int64]] = {}
    excluded = run.excluded
    for shard in run.shards():
        for key, found in tally(shard, excluded, rounding(run.manifest)).items():
            counts[key] = counts.get(key, 0) + found
    rows = [
        _row(run, protocol, image_set, *map(int, counts[protocol, image_set]))
        for image_set in ("all", NON_BLACKLISTED)
        for protocol in run.protocols
        if (protocol, image_set) in counts and counts[protocol, image_set][0]
    ]
    if not rows:
        raise RunError(f"{run.path} has no image that could be read: there is nothing to report")
    return rows


def rounding(manifest: Mapping[str, Any]) -> float:
    """What differences of a run's probabilities may be off by; an ensemble's as much as those of its members."""
    if members := manifest["model"].get("members"):
        return max(rounding(member) for member in members)
    return ROUNDING[manifest["runtime"]["precision"]]


def _row(
    run: Run, protocol: str, image_set: str, n: int, top1: int, top5: int, near1: int, near5: int
) -> dict[str, object]:
    model = run.manifest["model"]
    row: dict[str, object] = {"model": model["name"], "protocol": protocol, "image_set": image_set, "n": n}
    row |= {"top1_hits": top1, "top5_hits": top5, "top1_error": error(top1, n), "top5_error": error(top5, n)}
    for k, hits in (("top1", top1), ("top5", top5)):
        row[f"{k}_low"], row[f"{k}_high"] = wilson(hits, n)
    row |= {"top1_near": near1, "top5_near": near5}
    figures = {
        "weights": published.of_weights(weights_of(model), protocol, image_set),
        "paper": published.of_paper(members_of(model), protocol, image_set),
    }
    for name, figure in figures.items():
        row[f"{name}_top1"] = figure.top1_error if figure else None
        row[f"{name}_top5"] = figure.top5_error if figure else None
        row[f"{name}_source"] = figure.source if figure else ""
        about = {
            "images_sha256": run.manifest["data"].get("fingerprint", ""),
            "protocol_sha256": _protocol_hash(run, protocol),
        }
    return row | about | {"weights": model["tag"] or model["weights"], "run": run.path.name}


def _protocol_hash(run: Run, protocol: str) -> str:
    """Of all that a protocol is: its views, pooling and resampling, for each network."""
    model, plan = run.manifest["model"], run.manifest["plan"]
    plans = [member["plan"] for member in model.get("members", [])] or [plan]
    how = [
        [each["protocols"][protocol], each.get("pool"), each.get("interpolation"), each.get("size")]
        for each in plans
    ]
    return hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()


def weights_of(model: Mapping[str, Any]) -> str:
    """A network's weights as the published figures name them: `timm/inception_v3.tf_in1k`."""
    return f"{model['provider']}/{model['architecture']}.{model['tag']}"


def members_of(model: Mapping[str, Any]) -> list[str]:
    """The names under which the papers know a run's network, or those of its ensemble."""
    if "members" in model:
        return [name for member in model["members"] for name in members_of(member["model"])]
    return [model["paper"] or model["name"]]


def predictions(run: Run, protocol: str) -> pd.DataFrame:
    """A row for each image: image, label, top1 to top5, p1 to p5, and p_label, the probability of the label."""
    frames = []
    for shard in run.shards():
        probabilities = shard.probabilities[protocol]
        best = top(probabilities, 5)
        names = pd.Series(shard.ids, dtype=object)  # some file names are no Unicode
        frame = pd.DataFrame({"image": names, "label": shard.labels})
        frame[[f"top{k + 1}" for k in range(best.shape[1])]] = best
        frame[[f"p{k + 1}" for k in range(best.shape[1])]] = np.take_along_axis(probabilities, best, axis=1)
        frame["p_label"] = np.take_along_axis(probabilities, shard.labels[:, None], axis=1)[:, 0]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
