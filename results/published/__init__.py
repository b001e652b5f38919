"""Published figures: the tables of the papers, and what others measured with the public weights. Errors in percent."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

PAPERS = {
    "googlenet": "Going deeper with convolutions (1409.4842)",
    "bn": "Batch Normalization (1502.03167)",
    "rethinking": "Rethinking the Inception Architecture for Computer Vision (1512.00567)",
    "inception-v4": "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning (1602.07261)",
}


@dataclass(frozen=True)
class Figure:
    """A published error: top-1 and top-5 in percent, None where it is not given, and who says so."""

    top1_error: float | None
    top5_error: float | None
    source: str


def of_paper(model: str, protocol: str, image_set: str) -> Figure | None:
    """The figure for one network `model` (`v3`) under a protocol on an image set, from the first paper that gives it."""
    crops = protocol.partition("/")[0]
    for row in _rows("papers.csv"):
        if (row["model"], row["networks"], row["crops"], row["image_set"]) == (model, "1", crops, image_set):
            return Figure(_number(row["top1_error"]), _number(row["top5_error"]), f"{row['paper']} {row['table']}")
    return None


def multiply_adds(model: str) -> str:
    """Billions of multiply-adds that the papers give for the network `model`; empty where they give none."""
    return next((row["giga_multiply_adds"] for row in _rows("papers.csv") if row["model"] == model and row["giga_multiply_adds"]), "")


def of_weights(weights: str, protocol: str, image_set: str) -> Figure | None:
    """What was measured with `weights` (`timm/inception_v3.tf_in1k`) under `protocol` on an image set.

    `protocol` may name a dialect (`1/tf-slim`); the figure of that tool goes before those of others.
    """
    crops, _, dialect = protocol.partition("/")
    weights = weights.replace("papers/inception-v3.", "timm/inception_v3.")  # the same weights in our own network
    found = [row for row in _rows("weights.csv") if (row["weights"], row["crops"], row["image_set"]) == (weights, crops, image_set)]
    for row in sorted(found, key=lambda row: row["measured_by"] != dialect)[:1]:
        return Figure(_number(row["top1_error"]), _number(row["top5_error"]), f"{row['measured_by']}, {row['how']}")
    return None


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    with (resources.files("results.published") / name).open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _number(text: str) -> float | None:
    return float(text) if text else None
