import pytest

from results.comparison import compare
from results.errors import RunError
from results.tables import predictions
from tests.helpers import random_run, with_blacklist


@pytest.fixture
def runs(tmp_path):
    return [random_run(tmp_path / f"run{seed}", seed, classes=4) for seed in range(2)]


def test_flips_are_those_of_the_exported_predictions(runs):
    found = compare(*runs)
    a, b = (predictions(run, "10") for run in runs)
    right_a, right_b = a["top1"] == a["label"], b["top1"] == b["label"]
    assert found.n == 25
    assert found.only_a_right == (right_a & ~right_b).sum()
    assert found.only_b_right == (right_b & ~right_a).sum()
    assert found.top1_error == pytest.approx((100 * (~right_a).mean(), 100 * (~right_b).mean()))
    assert set(found.flipped["image"]) == set(a["image"][right_a != right_b])
    classes = found.classes()
    assert classes["gained"].sum() == found.only_b_right
    assert classes["lost"].sum() == found.only_a_right
    assert classes["n"].tolist() == [(a["label"] == label).sum() for label in classes["label"]]


def test_run_is_equal_to_itself(runs):
    found = compare(runs[0], runs[0])
    assert (found.only_a_right, found.only_b_right, found.p_value) == (0, 0, 1.0)
    assert len(found.flipped) == len(found.classes()) == 0


def test_blacklist_leaves_images_out(runs):
    with pytest.raises(RunError, match="knows the blacklist"):
        compare(*runs, image_set="non-blacklisted")
    marked = with_blacklist(runs[1], "image 3", "image 4")
    found = compare(runs[0], marked, "1", "non-blacklisted")
    assert found.n == 23
    assert "image 3" not in set(found.images["image"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("144",), "no protocol 144 that all runs have"), (("1", "half"), "no image set 'half'")],
)
def test_protocol_or_image_set_that_does_not_exist_is_refused(runs, arguments, message):
    with pytest.raises(RunError, match=message):
        compare(*runs, *arguments)


def test_image_that_one_run_skipped_is_refused(runs, tmp_path):
    other = random_run(tmp_path / "other", 2, classes=4, skipped=(12,))
    with pytest.raises(RunError, match=r"image 12 is in only one of .*run0 and .*other"):
        compare(runs[0], other)
