"""Tables of runs, as pandas frames."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from results import published
from results.metrics import error, ranks, top, wilson
from results.run import NON_BLACKLISTED, Run, RunError

KEY = ("model", "protocol", "image_set")
MEASURED = ("n", "top1_hits", "top5_hits", "top1_error", "top5_error")


def accuracy(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each run, protocol and image set: hits, errors in percent with 95 % intervals, published figures.

    Columns: `KEY`, `MEASURED`, `top1_low` to `top5_high`; `weights_top1`, `weights_top5`, `weights_source`,
    `paper_top1`, `paper_top5`, `paper_source`, empty where nothing was published; and `weights` and `run`, which tell
    runs of the same network apart. Raises `IncompleteRun`, and `RunError` for a run that is named twice.
    """
    for number, run in enumerate(runs):
        if any(run.manifest["identity"] == other.manifest["identity"] for other in runs[:number]):
            raise RunError(f"{run.path} is there twice: name each run once")
    return pd.DataFrame([row for run in runs for row in _rows(run)])


def _rows(run: Run) -> list[dict[str, object]]:
    counts: dict[tuple[str, str], list[int]] = {}
    excluded = run.excluded
    for shard in run.shards():
        sets = {"all": np.ones(len(shard.ids), dtype=bool)}
        if excluded is not None:
            sets[NON_BLACKLISTED] = np.array([image_id not in excluded for image_id in shard.ids], dtype=bool)
        for protocol, probabilities in shard.probabilities.items():
            rank = ranks(probabilities, shard.labels)
            for name, chosen in sets.items():
                total = counts.setdefault((protocol, name), [0, 0, 0])
                for i, count in enumerate((chosen.sum(), (rank[chosen] < 1).sum(), (rank[chosen] < 5).sum())):
                    total[i] += int(count)
    sets_in_order = ("all", NON_BLACKLISTED)
    return [
        _row(run, protocol, image_set, *counts[protocol, image_set])
        for image_set in sets_in_order
        for protocol in run.protocols
        if counts.get((protocol, image_set), [0])[0]
    ]


def _row(run: Run, protocol: str, image_set: str, n: int, top1: int, top5: int) -> dict[str, object]:
    model = run.manifest["model"]
    weights = f"{model['provider']}/{model['architecture']}.{model['tag']}"
    row: dict[str, object] = {"model": model["name"], "protocol": protocol, "image_set": image_set, "n": n}
    row |= {"top1_hits": top1, "top5_hits": top5, "top1_error": error(top1, n), "top5_error": error(top5, n)}
    for k, hits in (("top1", top1), ("top5", top5)):
        row[f"{k}_low"], row[f"{k}_high"] = wilson(hits, n)
    figures = {
        "weights": published.of_weights(weights, protocol, image_set),
        "paper": published.of_paper(model["paper"] or model["name"], protocol, image_set),
    }
    for name, figure in figures.items():
        row[f"{name}_top1"] = figure.top1_error if figure else None
        row[f"{name}_top5"] = figure.top5_error if figure else None
        row[f"{name}_source"] = figure.source if figure else ""
    return row | {"weights": model["tag"] or model["weights"], "run": run.path.name}


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
