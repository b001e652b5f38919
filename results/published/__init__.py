"""Published figures: the tables of the papers, and what others measured with the public weights. Errors in percent."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

PAPERS = {
    "googlenet": "Going deeper with convolutions (1409.4842)",
    "bn": "Batch Normalization (1502.03167)",
    "rethinking": "Rethinking the Inception Architecture for Computer Vision (1512.00567)",
    "inception-v4": "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning (1602.07261)",
}


IMAGE_SETS = ("all", "non-blacklisted")
"""All 50,000 validation images, or the 48,238 off the blacklist."""


@dataclass(frozen=True)
class Figure:
    """A published error: top-1 and top-5 in percent, None where it is not given, and who says so."""

    top1_error: float | None
    top5_error: float | None
    source: str


def of_paper(models: Sequence[str], protocol: str, image_set: str) -> Figure | None:
    """The figure for a network (`v3`) or an ensemble of several under a protocol on an image set, from the first paper with it."""
    crops = protocol.partition("/")[0]
    for row in _rows("papers.csv"):
        if sorted(networks_of(row)) == sorted(models) and (row["crops"], row["image_set"]) == (
            crops,
            image_set,
        ):
            return Figure(
                _number(row["top1_error"]), _number(row["top5_error"]), f"{row['paper']} {row['table']}"
            )
    return None


def networks_of(row: Mapping[str, str]) -> list[str]:
    """The networks of a row, each as often as it stands in the ensemble; none where the paper does not say how many."""
    names = row["model"].split("+") if row["model"] else []
    number = int(row["networks"] or 0)
    return names if len(names) == number else names * number


def tables() -> tuple[str, ...]:
    """The tables that are here: `googlenet/table2` to `inception-v4/table5`."""
    return tuple(dict.fromkeys(f"{row['paper']}/{row['table']}" for row in _rows("papers.csv")))


def rows_of(table: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, as it prints them, or of all tables of a paper: the columns of `papers.csv` as text."""
    return tuple(
        row for row in _rows("papers.csv") if table in (row["paper"], f"{row['paper']}/{row['table']}")
    )


def weights() -> tuple[dict[str, str], ...]:
    """What others measured with the public weights: the columns of `weights.csv` as text."""
    return _rows("weights.csv")


def multiply_adds(model: str) -> str:
    """Billions of multiply-adds that the papers give for the network `model`; empty where they give none."""
    return next(
        (
            row["giga_multiply_adds"]
            for row in _rows("papers.csv")
            if row["model"] == model and row["giga_multiply_adds"]
        ),
        "",
    )


def of_weights(weights: str, protocol: str, image_set: str) -> Figure | None:
    """What was measured with `weights` (`timm/inception_v3.tf_in1k`) under `protocol` on an image set.

    `protocol` may name a dialect (`1/tf-slim`); the figure of that tool goes before those of others.
    """
    crops, _, dialect = protocol.partition("/")
    weights = weights.replace(
        "papers/inception-v3.", "timm/inception_v3."
    )  # the same weights in our own network
    found = [
        row
        for row in _rows("weights.csv")
        if (row["weights"], row["crops"], row["image_set"]) == (weights, crops, image_set)
    ]
    for row in sorted(found, key=lambda row: row["measured_by"] != dialect)[:1]:
        return Figure(
            _number(row["top1_error"]), _number(row["top5_error"]), f"{row['measured_by']}, {row['how']}"
        )
    return None


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    with (resources.files("results.published") / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _number(text: str) -> float | None:
    return float(text) if text else None
