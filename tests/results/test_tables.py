import json

import numpy as np
import pandas as pd
import pytest

from results import published
from results.report import FORMATS
from results.run import Shard, finish, write_manifest
from results.tables import KEY, MEASURED, accuracy, predictions
from tests.results.test_run import shard, started


@pytest.fixture
def run(tmp_path):
    opened = started(tmp_path / "run")
    for part in (shard(0, 10), shard(10, 20), shard(20, 25)):
        part.save(opened.path / "shards", "x")
    return finish(opened, 1.5)


def blacklisted(run, excluded):
    return write_manifest(
        run.path, dict(run.manifest) | {"blacklist": {"source": "here", "sha256": "", "excluded": excluded}}
    )


def test_each_protocol_and_image_set_has_a_row_with_its_own_n(run):
    table = accuracy([blacklisted(run, ["image 3", "image 24"])])
    assert table[[*KEY[1:], "n"]].to_numpy().tolist() == [
        ["1", "all", 25],
        ["10", "all", 25],
        ["1", "non-blacklisted", 23],
        ["10", "non-blacklisted", 23],
    ]


def test_hits_are_those_of_the_exported_predictions(run):
    table = accuracy([blacklisted(run, ["image 3"])]).set_index(["protocol", "image_set"])
    for protocol in ("1", "10"):
        frame = predictions(run, protocol)
        kept = frame[frame["image"] != "image 3"]
        five = kept[[f"top{k}" for k in range(1, 6)]].to_numpy()
        assert table.loc[(protocol, "non-blacklisted"), "top1_hits"] == (kept["top1"] == kept["label"]).sum()
        assert (
            table.loc[(protocol, "non-blacklisted"), "top5_hits"]
            == (five == kept[["label"]].to_numpy()).any(axis=1).sum()
        )


def test_predictions_are_one_line_an_image_in_order(run):
    frame = predictions(run, "10")
    assert list(frame) == [
        "image",
        "label",
        "top1",
        "top2",
        "top3",
        "top4",
        "top5",
        "p1",
        "p2",
        "p3",
        "p4",
        "p5",
        "p_label",
    ]
    assert frame["image"].tolist() == [f"image {number}" for number in range(25)]
    first = shard(0, 10)
    assert frame["p_label"][:10].to_numpy() == pytest.approx(
        first.probabilities["10"][np.arange(10), first.labels]
    )


def test_without_a_known_blacklist_there_is_one_image_set(run):
    assert set(accuracy([run])["image_set"]) == {"all"}


def test_published_figures_stand_beside(run):
    row = accuracy([blacklisted(run, [])]).set_index(["protocol", "image_set"]).loc[("1", "all")]
    assert (row["weights_top1"], row["weights_top5"]) == (22.134, 6.356)
    assert row["weights_source"] == "timm, bicubic 341->299"
    row = accuracy([blacklisted(run, [])]).set_index(["protocol", "image_set"]).loc[("1", "non-blacklisted")]
    assert (row["paper_top1"], row["paper_top5"], row["paper_source"]) == (21.2, 5.6, "rethinking table3")


@pytest.mark.parametrize(
    ("model", "protocol", "image_set", "top1", "top5"),
    [  # read off the papers
        ("v1", "1", "all", None, 10.07),
        ("v1", "144", "all", None, 7.89),
        ("bn", "144", "all", 21.99, 5.82),
        ("v3", "144", "non-blacklisted", 18.77, 4.2),
        ("v3", "144", "all", 18.9, 4.3),
        ("v3", "12", "all", 19.8, 4.6),
        ("v4", "1", "non-blacklisted", 20.0, 5.0),
        ("ir-v2", "144", "all", 17.8, 3.7),
        ("ir-v1", "12", "all", 19.8, 4.6),
    ],
)
def test_the_papers_figures(model, protocol, image_set, top1, top5):
    figure = published.of_paper([model], protocol, image_set)
    assert (figure.top1_error, figure.top5_error) == (top1, top5)


def test_a_dialect_finds_the_figure_of_its_tool():
    figure = published.of_weights("timm/inception_v4.tf_in1k", "1/tf-slim", "all")
    assert (figure.top1_error, figure.top5_error) == (19.8, 4.8)
    assert published.of_weights("timm/inception_v4.tf_in1k", "1", "all").source == "timm, bicubic 341->299"
    assert published.of_weights("timm/inception_v4.", "1", "all") is None


def test_csv_reads_back(run, tmp_path):
    table = accuracy([run])
    path = tmp_path / "table.csv"
    path.write_text(FORMATS["csv"](table))
    pd.testing.assert_frame_equal(
        pd.read_csv(path, dtype={"protocol": str})[list(MEASURED)], table[list(MEASURED)]
    )


def test_json_has_the_contracts_fields(run):
    (first, *_) = json.loads(FORMATS["json"](accuracy([run])))["rows"]
    assert list(first)[:8] == [
        "model",
        "protocol",
        "image_set",
        "n",
        "top1_hits",
        "top5_hits",
        "top1_error",
        "top5_error",
    ]
    assert first["paper_top1"] is None
    assert first["n"] == 25


def test_markdown_is_a_table_with_intervals(run):
    lines = FORMATS["md"](accuracy([run])).splitlines()
    assert lines[0].startswith("| model | protocol | images | n | top-1 error")
    assert {line.count("|") for line in lines[:4]} == {9}
    assert lines[2].split("|")[5].strip().endswith("]")


def test_images_that_rounding_decides_are_counted(tmp_path):
    """Of four images one is far from any border, one is a tie of the first, one a near miss of it, one a near miss of the fifth."""
    opened = started(tmp_path, 4)
    rows = np.full((4, 10), 0.01, dtype=np.float32)
    rows[:, :6] = [
        [0.9, 0, 0, 0, 0, 0],
        [0.3, 0.3, 0, 0, 0, 0],
        [0.3, 0.300005, 0, 0, 0, 0],
        [0.099996, 0.3, 0.2, 0.15, 0.12, 0.1],
    ]
    Shard(0, 4, list("abcd"), np.zeros(4, dtype=np.int64), {"1": rows, "10": rows}).save(
        tmp_path / "shards", "x"
    )
    table = accuracy([finish(opened, 0)])
    assert (
        table[["top1_hits", "top5_hits", "top1_near", "top5_near"]].to_numpy().tolist() == [[2, 3, 2, 1]] * 2
    )
    assert (
        "Rounding alone could turn up to 2 of 4 images into hits or misses: 50.00 points of error."
        in FORMATS["md"](table)
    )
    assert "No image is a hit or a miss by rounding alone." in FORMATS["md"](
        table.assign(top1_near=0, top5_near=0)
    )
