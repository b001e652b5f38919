"""A table's rows beside the paper's figures, with made-up runs and with the mini networks."""

import shutil
from dataclasses import replace

import pytest

from bench import mini
from bench.data import open_images
from bench.errors import UsageError, WeightsError
from bench.mini import NETWORKS
from bench.options import Options
from bench.planning.throughput import Throughput, measure
from bench.progress import Silent
from bench.reproduction import reproduce
from bench.reproduction.members import Member
from bench.reproduction.reproduce import Reproduction, check_rows, compare_with_paper, estimate, run_rows
from bench.reproduction.table_rows import Row, read_rows
from bench.zoo import find
from results.tables import accuracy
from tests.conftest import drawn
from tests.helpers import on_no_blacklist, random_run, with_blacklist

V3 = Member("v3", "tf_in1k")
PAPER = {
    "paper": "inception-v4",
    "table": "table2",
    "network": "Inception-v3",
    "model": "v3",
    "networks": "1",
    "crops": "1",
    "image_set": "all",
    "top1_error": "21.2",
    "top5_error": "5.6",
    "note": "",
}


@pytest.fixture
def run(tmp_path):
    """A run of 25 images in 10 classes, under 1 and 10 crops, without a blacklist."""
    return random_run(tmp_path / "run", 0)


def record_of(run, **changes):
    """The record of the row `PAPER` with changes, for which `run` was evaluated."""
    row = Row(PAPER | changes, (V3,))
    runs, (record,) = compare_with_paper([row], Reproduction({V3: run}, {}), Options())
    assert runs == [run]
    return record


def test_record_has_the_figures_their_difference_and_a_verdict(run):
    record = record_of(run)
    assert (record["table"], record["published_top1"]) == ("inception-v4/table2", 21.2)
    assert record["n"] == 25
    assert record["top1_error"] == 100 * (1 - record["top1_hits"] / 25)
    assert record["difference_top1"] == pytest.approx(record["top1_error"] - 21.2)
    assert record["verdict"].startswith("differs")
    assert (record["run"], record["members"], record["best_of"]) == (str(run.path), ["net0.tf_in1k"], 1)


def test_record_says_where_the_paper_has_no_figure(run):
    record = record_of(run, top1_error="", top5_error="")
    assert (record["verdict"], record["difference_top1"]) == ("no published figure", None)
    assert record["n"] == 25


def test_record_says_where_the_blacklist_is_not_known(run):
    record = record_of(run, image_set="non-blacklisted")
    assert (record["verdict"], record["n"]) == ("the blacklist is not known: pass --blacklist", None)
    assert record_of(with_blacklist(run, "image 3"), image_set="non-blacklisted")["n"] == 24


def test_all_images_stand_for_those_off_the_list_where_none_can_be_on_it(run):
    assert record_of(on_no_blacklist(run), image_set="non-blacklisted")["n"] == 25


def test_ensemble_of_a_row_is_pooled_and_used_once(run, tmp_path):
    other = random_run(tmp_path / "other", 1)
    members = (V3, Member("v4", "tf_in1k"))
    found = Reproduction(dict(zip(members, (run, other), strict=True)), {})
    paper = PAPER | {"network": "both", "model": "v3+v4", "networks": "2"}
    rows = [Row(paper, members), Row(paper | {"crops": "10"}, members)]
    runs, records = compare_with_paper(rows, found, Options(out=tmp_path))
    assert [each.name for each in runs] == ["net0", "net1", "net0+net1"]
    assert [record["run"] for record in records] == [str(runs[2].path)] * 2
    assert records[0]["members"] == ["net0.tf_in1k", "net1.tf_in1k"]


def test_row_of_one_network_takes_the_run_with_the_lowest_top1_error(tmp_path):
    runs = [random_run(tmp_path / f"run{number}", number) for number in range(4)]
    found = Reproduction({Member("v3", run.name): run for run in runs}, {})
    rows = [Row(PAPER | {"crops": crops}, tuple(found.runs), best=True) for crops in ("1", "10")]
    _, records = compare_with_paper(rows, found, Options())
    errors = accuracy(runs).set_index(["protocol", "model"])["top1_error"]
    for record in records:
        assert errors[record["protocol"]].nunique() > 1
        assert record["top1_error"] == errors[record["protocol"]].min()
        assert record["best_of"] == 4
        (chosen,) = (run for run in runs if str(run.path) == record["run"])
        assert record["members"] == [f"{chosen.name}.tf_in1k"]


def test_verdict_names_settings_that_are_not_the_papers(run):
    options = Options(pool="max", scales="320,352", interpolation="bicubic", limit=25)
    _, (record,) = compare_with_paper([Row(PAPER, (V3,))], Reproduction({V3: run}, {}), options)
    words = "; with settings of your own: --pool max --scales 320,352 --interpolation bicubic"
    assert record["verdict"].endswith(words)
    assert "settings" not in record_of(run)["verdict"]


def test_row_whose_weights_cannot_be_fetched_says_why(monkeypatch, tmp_path):
    def fetch(name, weights):
        if name == "mini-v3":
            raise WeightsError("no connection")

    monkeypatch.setattr(reproduce, "fetch", fetch)
    rows = [row for row in read_rows("mini") if row.paper["crops"] == "1"][:2]
    options = Options(limit=2, out=tmp_path)
    found = run_rows(rows, options, Silent())
    v1, v3 = (row.members[0] for row in rows)
    assert (list(found.runs), found.missing) == ([v1], {v3: "no connection"})
    _, records = compare_with_paper(rows, found, options)
    assert [record["verdict"] for record in records] == ["no published figure", "no connection"]


def test_networks_of_other_classes_than_the_images_are_refused():
    with pytest.raises(UsageError, match=r"v3 predicts 1,000 classes, but .*mini_val.tar has 50"):
        check_rows(read_rows("inception-v4/table4"), open_images("mini"), Options())


@pytest.fixture
def square(tmp_path):
    """Ten square images of one of the mini classes: their three squares are the same."""
    labels = [f"{number}.png 0" for number in range(10)]
    for number in range(10):
        drawn(64, 64, number).save(tmp_path / f"{number}.png")
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    shutil.copy(mini.FOLDER / "classes.txt", tmp_path)
    return open_images(str(tmp_path))


def test_estimate_counts_what_would_be_classified_and_shares_the_rendering(monkeypatch, square):
    def measured(evaluation, **_):
        speed = Throughput(evaluation, 0, 48.0, 1, (1.0,), (60.0,), (96.0,), ())
        return replace(speed, crops=measure(evaluation, rounds=1, seconds=0.01, whole=False).crops)

    monkeypatch.setattr(reproduce, "measure", measured)
    listed = estimate(read_rows("mini"), Options(), square)
    assert [row["network"] for row in listed] == list(NETWORKS)
    assert [row["crops_in_all"] for row in listed] == [480] * 4
    assert listed[0]["multiply_adds"] == 480 * find("mini-v1").multiply_adds
    # decoding takes ten seconds, once for mini-v1, which sees other crops, and once for the other three
    assert [row["seconds"] for row in listed] == [10.0, 10.0, 5.0, 5.0]


def test_estimate_of_dense_views_grows_with_their_area(monkeypatch, photos):
    """ResNet-152 has 11.3 G multiply-adds at 224 pixels (He et al., Table 1), and 11.5 by other counts."""
    monkeypatch.setattr(
        reproduce,
        "measure",
        lambda evaluation, **_: Throughput(evaluation, 0, 5.0, 1, (1.0,), (60.0,), (96.0,), ()),
    )
    rows = read_rows("inception-v4/table4", ["resnet-151=torchvision/resnet152"])[:1]
    (listed,) = estimate(rows, Options(), open_images(str(photos)))
    sides = [224, 256, 384, 480, 640]  # of images of 500 x 375
    crops = sum(side * int(side * 500 / 375) for side in sides) / 224**2
    assert listed["crops_in_all"] == 30
    assert listed["multiply_adds"] == pytest.approx(6 * crops * 11.5e9, rel=0.02)
