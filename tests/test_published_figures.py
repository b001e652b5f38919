"""The script that renews the figures of the libraries."""

import csv
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

import results.published

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[1] / "docs" / "published_figures.py"))
FOLDER = Path(results.published.__file__).parent


def rows_in(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("library", ["torchvision", "pytorchcv"])
def test_figures_here_are_those_of_the_installed_library(library):
    rows = sorted(SCRIPT[f"{library}_rows"](), key=lambda row: row["weights"])
    assert rows == rows_in(FOLDER / f"{library}.csv")


TABLES = {
    "results-imagenet.csv": [
        "resnet50.a1_in1k,288,81.240,18.760,95.112,4.888,25.56,1.000,bicubic",
        "resnet50.a1_in1k,224,80.382,19.618,94.598,5.402,25.56,0.950,bicubic",
        "no_such_network.in1k,224,80.000,20.000,95.000,5.000,25.56,0.875,bicubic",
    ],
    "results-imagenet-real.csv": ["resnet50.a1_in1k,288,86.579,13.421,96.806,3.194,25.56,1.000,bicubic"],
}
"""Lines of two of timm's tables, and one of a network that timm does not have."""


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "timm" / "results"
    folder.mkdir(parents=True)
    for name in SCRIPT["TIMM_TABLES"].values():
        lines = ["model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation"]
        (folder / name).write_text("\n".join([*lines, *TABLES.get(name, []), ""]))
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", str(folder.parent)], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "tables", "--date", "2025-10-30T12:00:00"], check=True)
    return folder.parent


def test_tables_of_timm_become_a_line_for_each_weights_and_crop(clone):
    rows = list(SCRIPT["timm_rows"](clone))
    assert rows[0] == {
        "weights": "resnet50.a1_in1k",
        "crops": "native",
        "how": "bicubic 288->288",
        "validation_top1": "18.760",
        "validation_top5": "4.888",
        "real_top1": "13.421",
        "real_top5": "3.194",
    }
    assert [(row["crops"], row["how"]) for row in rows] == [
        ("native", "bicubic 288->288"),
        ("other", "bicubic 235->224"),
        ("other", "bicubic 256->224"),
    ]


def test_files_are_written_with_the_versions_of_their_sources(clone, tmp_path, monkeypatch):
    shutil.copy(FOLDER / "sources.csv", tmp_path)
    monkeypatch.setitem(SCRIPT["main"].__globals__, "PUBLISHED", tmp_path)
    SCRIPT["main"](clone)
    assert len(rows_in(tmp_path / "timm.csv")) == 3
    assert (tmp_path / "torchvision.csv").read_bytes() == (FOLDER / "torchvision.csv").read_bytes()
    sources = {row["measured_by"]: row["as_of"] for row in rows_in(tmp_path / "sources.csv")}
    assert "; native crops by timm " in sources["timm"]
    assert sources["tf-slim"] == "read on 2026-11-20"
