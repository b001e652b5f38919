"""Published figures: the papers' tables, and what others measured with public weights. Errors in percent."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

PAPERS = {
    "googlenet": "Going deeper with convolutions (1409.4842)",
    "bn": "Batch Normalization (1502.03167)",
    "rethinking": "Rethinking the Inception Architecture for Computer Vision (1512.00567)",
    "inception-v4": "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning "
    "(1602.07261)",
}
"""The titles of the papers, with their numbers on arXiv."""

IMAGE_SETS = ("all", "non-blacklisted")
"""All 50,000 validation images, or the 48,238 that are not on the blacklist."""


@dataclass(frozen=True)
class Figure:
    """A published error."""

    top1_error: float | None
    """In percent; None where it is not published."""
    top5_error: float | None
    source: str
    """Who published it."""


def of_paper(models: Sequence[str], protocol: str, image_set: str) -> Figure | None:
    """The figure that a paper has for these networks together, under a protocol on an image set.

    `models` has one name, such as `v3`, or those of an ensemble. Of several figures it is the first with both
    errors: Rethinking's Table 2 has the top-1 error of a training that does less than that of its Table 3.

    >>> of_paper(["v3"], "144", "all")
    Figure(top1_error=18.9, top5_error=4.3, source='inception-v4 table4')
    """
    crops = protocol.partition("/")[0]
    found = [
        row
        for row in _rows("papers.csv")
        if sorted(networks_of(row)) == sorted(models)
        and (row["crops"], row["image_set"]) == (crops, image_set)
    ]
    if not found:
        return None
    row = max(found, key=lambda row: bool(row["top1_error"] and row["top5_error"]))
    return _figure(row, f"{row['paper']} {row['table']}")


def networks_of(row: Mapping[str, str]) -> list[str]:
    """The networks of a row of a paper, each as often as it is in the ensemble.

    Empty where the paper does not give their number.
    """
    names = row["model"].split("+") if row["model"] else []
    number = int(row["networks"] or 0)
    return names if len(names) == number else names * number


def tables() -> tuple[str, ...]:
    """The names of the papers' tables, `googlenet/table2` to `inception-v4/table5`."""
    return tuple(dict.fromkeys(f"{row['paper']}/{row['table']}" for row in _rows("papers.csv")))


def table_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, or of all tables of a paper, with the columns of `papers.csv` as text.

    Empty where `name` is neither.
    """
    return tuple(
        row for row in _rows("papers.csv") if name in (row["paper"], f"{row['paper']}/{row['table']}")
    )


def weights() -> tuple[dict[str, str], ...]:
    """What others measured with public weights: the columns of `weights.csv` as text."""
    return _rows("weights.csv")


def multiply_adds(model: str) -> str:
    """Billions of multiply-adds that the papers give for a network; empty where they give none.

    >>> multiply_adds("v1")
    '1.5'
    """
    for row in _rows("papers.csv"):
        if row["model"] == model and row["giga_multiply_adds"]:
            return row["giga_multiply_adds"]
    return ""


def of_weights(weights: str, protocol: str, image_set: str) -> Figure | None:
    """What others measured with `weights`, such as `timm/inception_v3.tf_in1k`, under a protocol on an image
    set.

    `protocol` may name a dialect, such as `1/tf-slim`: a figure of that tool is preferred to those of others.
    """
    crops, _, dialect = protocol.partition("/")
    # our own implementation, with the same weights
    weights = weights.replace("papers/inception-v3.", "timm/inception_v3.")
    found = [
        row
        for row in _rows("weights.csv")
        if (row["weights"], row["crops"], row["image_set"]) == (weights, crops, image_set)
    ]
    if not found:
        return None
    row = min(found, key=lambda row: row["measured_by"] != dialect)
    return _figure(row, f"{row['measured_by']}, {row['how']}")


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    with (resources.files("results.published") / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _figure(row: Mapping[str, str], source: str) -> Figure:
    return Figure(_number(row["top1_error"]), _number(row["top5_error"]), source)


def _number(text: str) -> float | None:
    return float(text) if text else None
