"""A measured row beside the paper's: whether the gap is noise, the weights, or worth a look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from results import published
from results.published import Figure

Kind = Literal["top1", "top5"]

ROUNDING = 0.05
"""Points by which a figure that is printed with one decimal may be off."""

BETWEEN_IMAGE_SETS: dict[Kind, float] = {"top1": 0.32, "top5": 0.15}
"""The largest known gap between the two image sets, in points: that of Inception-v4's weights. The papers say
0.2 to 0.3 and 0.1 to 0.15.
"""

WIDEST_INTERVAL = 1.0
"""Points. A figure inside a wider 95 % interval of top-1 proves nothing: the gaps in question are smaller."""

WITHIN_NOISE = "within noise"
TOO_FEW_IMAGES = "too few images to tell"
DIFFERS = "differs: docs/tables.md has what a gap may come from"


@dataclass(frozen=True)
class Gap:
    """Our errors beside the paper's."""

    top1: float | None
    """Ours less the paper's, in points; None where the paper has no figure."""
    top5: float | None
    words: str
    """The verdict."""


@dataclass(frozen=True)
class _Measured:
    """A measured error with its 95 % interval, in percent."""

    error: float
    low: float
    high: float

    @classmethod
    def of(cls, row: Mapping[str, Any], kind: Kind) -> "_Measured":
        return cls(row[f"{kind}_error"], row[f"{kind}_low"], row[f"{kind}_high"])

    @property
    def width(self) -> float:
        return self.high - self.low

    def agrees_with(self, figure: float) -> bool:
        """Whether the figure is in the interval, give or take its rounding."""
        return self.low - ROUNDING <= figure <= self.high + ROUNDING


def explain(paper: Figure, row: Mapping[str, Any], weights: str) -> Gap:
    """The gap between a row of `results.tables.accuracy` and the paper's figure, and a verdict.

    `row` has the papers' name of the network as well, `paper_name`. `weights` are named as in the published
    figures, such as `timm/inception_v3.tf_in1k`. The verdict is the first of these that holds:

    - The paper's figures are in the intervals of ours: within noise; or too few images to tell, where the
      interval of top-1 is wider than `WIDEST_INTERVAL`.
    - Others measured each figure that is outside with these weights: they are known to differ.
    - It differs.
    """
    gaps: dict[Kind, float | None] = {"top1": None, "top5": None}
    outside: list[Kind] = []
    for kind in gaps:
        figure = _error(paper, kind)
        if figure is None:
            continue
        measured = _Measured.of(row, kind)
        gaps[kind] = measured.error - figure
        if not measured.agrees_with(figure):
            outside.append(kind)
    return Gap(gaps["top1"], gaps["top5"], _verdict(outside, gaps, row, weights))


def _verdict(
    outside: list[Kind], gaps: Mapping[Kind, float | None], row: Mapping[str, Any], weights: str
) -> str:
    if not outside:
        too_wide = _Measured.of(row, "top1").width > WIDEST_INTERVAL
        return TOO_FEW_IMAGES if too_wide else WITHIN_NOISE
    reasons = [_known_of_weights(kind, gaps[kind] or 0.0, row, weights) for kind in outside]
    if all(reasons):
        return f"these weights are known to differ: {reasons[0]}"
    return DIFFERS


def _known_of_weights(kind: Kind, gap: float, row: Mapping[str, Any], weights: str) -> str:
    """Why these weights cannot give the paper's figure, as others measured them.

    Empty where nobody measured them, or where what was measured does not explain the gap.
    """
    measured = _Measured.of(row, kind)
    others = _first(published.of_weights(weights, row["protocol"], row["image_set"]))
    others_error = _error(others, kind)
    if others and others_error is not None:
        agrees = measured.agrees_with(others_error)
        return f"{others_error:.2f} by {others.source}" if agrees else ""

    # Nobody measured this protocol: compare the weights with the paper on the single crop.
    single = _first(
        figure for name in published.IMAGE_SETS for figure in published.of_weights(weights, "1", name)
    )
    papers = _first(published.of_paper([row["paper_name"]], "1", name) for name in published.IMAGE_SETS)
    single_error, papers_error = _error(single, kind), _error(papers, kind)
    if single is None or single_error is None or papers_error is None:
        return ""
    known_gap = single_error - papers_error
    uncertainty = BETWEEN_IMAGE_SETS[kind] + ROUNDING  # the two figures may be of different image sets
    weights_differ = abs(known_gap) > uncertainty
    same_direction = known_gap * gap > 0
    not_larger = abs(gap) <= abs(known_gap) + uncertainty + measured.width / 2
    if weights_differ and same_direction and not_larger:
        return f"single crop {single_error:.2f} by {single.source}, the paper's {papers_error:.2f}"
    return ""


def _first(figures: Iterable[Figure | None]) -> Figure | None:
    """The first that is published."""
    return next((figure for figure in figures if figure), None)


def _error(figure: Figure | None, kind: Kind) -> float | None:
    if figure is None:
        return None
    return figure.top1_error if kind == "top1" else figure.top5_error
