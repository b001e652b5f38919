"""A measured row beside the paper's: whether the gap is noise, the weights, or worth a look."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from results import published
from results.published import Figure

ROUNDING = 0.05
"""Points by which a figure that is printed with one decimal may be off."""

BETWEEN_IMAGE_SETS = {"top1": 0.32, "top5": 0.15}
"""Points between the two image sets, at most of what is known (Inception-v4's weights; the papers say 0.2 to 0.3 and 0.1 to 0.15)."""

LOOK = "differs: see the README's table of what a gap may come from"


@dataclass(frozen=True)
class Gap:
    """Ours less the paper's in points, None where the paper has no figure; and what to think of it, in words."""

    top1: float | None
    top5: float | None
    words: str


def explain(paper: Figure, row: Mapping[str, Any], weights: str) -> Gap:
    """The gap of a measured `row` (of `results.tables.accuracy`, and its `paper_name`) with `weights`, such as
    `timm/inception_v3.tf_in1k`.

    Within noise: a figure of the paper lies in the 95 % interval of ours, give or take its rounding. What is not must be
    explained for top-1 and for top-5.
    """
    gaps = {
        k: row[f"{k}_error"] - figure if (figure := _of(paper, k)) is not None else None
        for k in ("top1", "top5")
    }
    outside = [k for k in gaps if (figure := _of(paper, k)) is not None and not _within(figure, row, k)]
    reasons = [_known(k, gaps[k] or 0.0, row, weights) for k in outside]
    words = "within noise" if not outside else LOOK
    if outside and all(reasons):
        words = f"these weights are known to differ: {reasons[0]}"
    return Gap(gaps["top1"], gaps["top5"], words)


def _known(k: str, gap: float, row: Mapping[str, Any], weights: str) -> str:
    """Why these weights cannot give the paper's figure, as others measured them; empty where nobody did, or not so much."""
    same = _of(figure := published.of_weights(weights, row["protocol"], row["image_set"]), k)
    if figure and same is not None:
        return f"{same:.2f} by {figure.source}" if _within(same, row, k) else ""
    theirs = next(
        filter(None, (published.of_weights(weights, "1", name) for name in published.IMAGE_SETS)), None
    )
    papers = next(
        filter(None, (published.of_paper([row["paper_name"]], "1", name) for name in published.IMAGE_SETS)),
        None,
    )
    single, printed = _of(theirs, k), _of(papers, k)
    if theirs is None or single is None or printed is None:
        return ""
    off, slack = single - printed, BETWEEN_IMAGE_SETS[k] + ROUNDING
    noise = (row[f"{k}_high"] - row[f"{k}_low"]) / 2
    if abs(off) > slack and off * gap > 0 and abs(gap) <= abs(off) + slack + noise:
        return f"single crop {single:.2f} by {theirs.source}, the paper's {printed:.2f}"
    return ""


def _within(figure: float, row: Mapping[str, Any], k: str) -> bool:
    return bool(row[f"{k}_low"] - ROUNDING <= figure <= row[f"{k}_high"] + ROUNDING)


def _of(figure: Figure | None, k: str) -> float | None:
    if figure is None:
        return None
    return figure.top1_error if k == "top1" else figure.top5_error
