"""Writes what timm, torchvision and pytorchcv publish of their weights to results/published/.

usage: python docs/published_figures.py TIMM

TIMM is a clone of github.com/huggingface/pytorch-image-models. Its last commit has timm's tables, in
`results`. torchvision's figures are in its weights' metadata, and pytorchcv's in the README of its package.
A row says whether the crop is the one that the weights' own preprocessing takes, by the libraries installed.
"""

import csv
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import metadata, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torchvision
from timm.data.config import resolve_data_config
from timm.models import get_pretrained_cfg
from torchvision.models import get_model_weights, list_models

from results.published.measured import LIBRARIES, SETS

PUBLISHED = Path(__file__).resolve().parents[1] / "results" / "published"

TIMM_TABLES = {
    "validation": "results-imagenet.csv",
    "real": "results-imagenet-real.csv",
    "v2-mf": "results-imagenetv2-matched-frequency.csv",
    "sketch": "results-sketch.csv",
    "a": "results-imagenet-a.csv",
    "a-clean": "results-imagenet-a-clean.csv",
    "r": "results-imagenet-r.csv",
    "r-clean": "results-imagenet-r-clean.csv",
}
"""timm's tables by the names of `SETS`."""

Row = dict[str, str]


def timm_rows(clone: Path) -> Iterator[Row]:
    """A row for each weights and crop, with the errors of all tables."""
    rows: dict[tuple[str, ...], Row] = {}
    for name, file in TIMM_TABLES.items():
        for line in csv.DictReader(_git(clone, "show", f"HEAD:results/{file}").splitlines()):
            key = tuple(line[column] for column in ("model", "img_size", "crop_pct", "interpolation"))
            if key not in rows:
                rows[key] = _timm_crop(*key)
            rows[key] |= {f"{name}_top1": line["top1_err"], f"{name}_top5": line["top5_err"]}
    yield from rows.values()


def _git(clone: Path, *command: str) -> str:
    """What a git command prints."""
    return subprocess.run(
        ["git", "-C", str(clone), *command], check=True, capture_output=True, text=True
    ).stdout


def _timm_crop(weights: str, size: str, crop_pct: str, interpolation: str) -> Row:
    """What timm's table says of a crop, and whether it is what timm's validate.py takes for the weights."""
    config = get_pretrained_cfg(weights)
    share, is_native, is_squashed = float(crop_pct), False, False
    if config:  # weights that are gone have no crop of their own
        own = resolve_data_config(pretrained_cfg=config.to_dict(), use_test_size=True)
        native = (own["input_size"][-1], f"{own['crop_pct']:.3f}", own["interpolation"])
        is_native = native == (int(size), crop_pct, interpolation)
        share = own["crop_pct"] if is_native else share  # the table rounds it
        is_squashed = own["crop_mode"] == "squash"
    resized = math.floor(int(size) / share)
    image = f"warped {resized}x{resized}" if is_squashed else f"{resized}"
    return {
        "weights": weights,
        "crops": "native" if is_native else "other",
        "how": f"{interpolation} {image}->{size}",
    }


def torchvision_rows() -> Iterator[Row]:
    """A row for each weights with a figure: torchvision gives the accuracies in percent."""
    for architecture in list_models(torchvision.models):
        for weights in get_model_weights(architecture):
            figures = weights.meta["_metrics"]["ImageNet-1K"]
            if math.isnan(figures["acc@1"]):  # the backbone of a detector, without a classifier
                continue
            transforms = weights.transforms()
            crop = f"{transforms.resize_size[0]}->{transforms.crop_size[0]}"
            yield {
                "weights": f"{architecture}.{weights.name}",
                "crops": "native",
                "how": f"{transforms.interpolation.value} {crop}",
                "validation_top1": _error(figures["acc@1"]),
                "validation_top5": _error(figures["acc@5"]),
            }


def _error(accuracy: float) -> str:
    return str((100 - Decimal(str(accuracy))).quantize(Decimal("0.001")))


README_ROW = re.compile(
    r"\| (?P<title>.+?) \|\s*(?P<top1>[\d.]+) \|\s*(?P<top5>[\d.]+) \|.*/(?P<name>\w+)-\d{4}-[0-9a-f]{8}\.pth"
)
"""A row of pytorchcv's table. The name of the log in it is that of the network."""


def pytorchcv_rows() -> Iterator[Row]:
    """A row for each network with ImageNet weights."""
    sizes = _pytorchcv_sizes()
    readme = str(metadata("pytorchcv").get_payload())
    table = readme.partition("### ImageNet-1K\n")[2].partition("\n### ")[0]
    for found in README_ROW.finditer(table):
        size, scale = sizes[found["name"]]
        if found["title"].endswith("*"):
            crops, how = "other", "its own preprocessing, which the README does not say"
        elif size == "NA":
            crops, how = "other", "of a size that the library does not say"
        else:
            crops, how = "native", f"bilinear {math.ceil(int(size) / float(scale))}->{size}"
        yield {
            "weights": f"{found['name']}.osmr",
            "crops": crops,
            "how": how,
            "validation_top1": found["top1"],
            "validation_top5": found["top5"],
        }


def _pytorchcv_sizes() -> dict[str, tuple[str, str]]:
    """(input size, its share of the resized image's shorter side) by the network's name."""
    spec = find_spec("pytorchcv")
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "models" / "common" / "model_metainfos.csv"
    with path.open(encoding="utf-8") as file:
        return {line["model_name"]: (line["img_size"], line["img_scale"]) for line in csv.DictReader(file)}


def sources(clone: Path) -> dict[str, str]:
    """Which version of each library the figures are of, and when it was read."""
    table = f"results/{TIMM_TABLES['validation']}"
    commit = _git(clone, "log", "-1", "--format=%h of %cs", "--", table).strip()
    today = datetime.now(UTC).date()
    return {
        "timm": f"commit {commit}; native crops by timm {timm.__version__}",
        "torchvision": f"version {torchvision.__version__.partition('+')[0]}, read on {today}",
        "pytorchcv": f"version {version('pytorchcv')}, read on {today}",
    }


def write(name: str, rows: list[Row]) -> None:
    """Writes the rows of a library, with the columns of the sets that it has figures of."""
    sets = [column for each in SETS for column in (f"{each}_top1", f"{each}_top5")]
    columns = ["weights", "crops", "how", *(column for column in sets if any(column in row for row in rows))]
    _write_csv(PUBLISHED / f"{name}.csv", columns, sorted(rows, key=lambda row: row["weights"]))
    crops = [row["crops"] for row in rows]
    print(f"{name}: {len(rows)} rows, {crops.count('native')} of them with the weights' own crop")


def renew_sources(versions: dict[str, str]) -> None:
    """Writes the versions of the libraries into sources.csv. The other rows stay."""
    path = PUBLISHED / "sources.csv"
    with path.open(encoding="utf-8") as file:
        rows = [
            row | {"as_of": versions.get(row["measured_by"], row["as_of"])} for row in csv.DictReader(file)
        ]
    _write_csv(path, list(rows[0]), rows)


def _write_csv(path: Path, columns: list[str], rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(clone: Path) -> None:
    """Writes all files."""
    makers: dict[str, Any] = {
        "timm": lambda: timm_rows(clone),
        "torchvision": torchvision_rows,
        "pytorchcv": pytorchcv_rows,
    }
    for library in LIBRARIES:
        write(library, list(makers[library]()))
    renew_sources(sources(clone))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
