"""Effects and charts of trainings whose predictions are made up."""

from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import binomtest

from bench.errors import NotFinite
from bench.experiments.outcome import effects, epochs_table, final_rows, write_outcome
from bench.experiments.run import Trained
from bench.experiments.table import Setting, Variant
from results.manifest import PlanRecord, ProtocolRecord
from results.run import Shard
from tests.helpers import complete_run, start_run

SETTING = Setting("mini-v1", "googlenet")
USUAL = Variant("usual", SETTING, None)
OTHER = Variant("other", SETTING, None, 23.8, "usual", "worse")
IMAGES = 40
PLAN = PlanRecord(protocols={"1": ProtocolRecord(crops=1)}, pool="mean")


@pytest.fixture
def trained(tmp_path):
    """A function that makes up a training: for each epoch the first and the last of the images that are
    right.
    """

    def make(variant, *right, seed=0, diverged=False):
        runs = {}
        for epoch, (first, last) in enumerate(right, 1):
            run = start_run(tmp_path / f"{variant.label}-{seed}-{epoch}", IMAGES, plan=PLAN)
            shards = [made_up_shard(part, range(first, last + 1)) for part in run.parts]
            runs[epoch] = complete_run(run, shards)
        return Trained(variant, SETTING, seed, runs, diverged)

    return make


def made_up_shard(part, right):
    """Of ten classes 3 is the label of all images, and 4 is predicted for those that are not `right`."""
    numbers = range(part.start, part.stop)
    predicted = np.eye(10, dtype=np.float32)[[3 if number in right else 4 for number in numbers]]
    ids = [f"image {number}" for number in numbers]
    return Shard(part.start, part.stop, ids, np.full(len(ids), 3), {"1": predicted}, {})


def test_effect_is_tested_on_the_images_of_the_last_epoch(trained):
    (effect,) = effects([trained(USUAL, (0, 0), (0, 19)), trained(OTHER, (0, 39), (10, 29))])
    assert (effect.variant, effect.against, effect.paper) == ("other", "usual", "worse")
    assert effect.differences == [0.0]
    assert effect.p_value == pytest.approx(1)
    assert effect.finding == "no effect shown"


@pytest.mark.parametrize(
    ("other", "difference", "finding"),
    [
        ((0, 27), -20.0, "better"),
        ((0, 26), -17.5, "no effect shown" if binomtest(7, 7).pvalue >= 0.01 else "better"),
        ((0, 25), -15.0, "no effect shown"),
        ((0, 11), 20.0, "worse"),
    ],
)
def test_effect_is_named_where_mcnemars_test_shows_it(trained, other, difference, finding):
    (effect,) = effects([trained(USUAL, (0, 19)), trained(OTHER, other)])
    assert effect.differences == [pytest.approx(difference)]
    flipped = round(abs(difference) * IMAGES / 100)
    assert effect.p_value == pytest.approx(binomtest(flipped, flipped).pvalue)
    assert effect.finding == finding


def test_seeds_are_tested_together(trained):
    """Five images are gained in each of two pairs: alone neither shows an effect."""
    trainings = [
        trained(variant, (0, 19 + gained), seed=seed)
        for seed in (0, 1)
        for variant, gained in ((USUAL, 0), (OTHER, 8 - 2 * seed))
    ]
    (effect,) = effects(trainings)
    assert effect.differences == [pytest.approx(-20.0), pytest.approx(-15.0)]
    assert effect.p_value == pytest.approx(2 / 2**8)  # all images that differ have the same sign


def test_first_epoch_as_good_as_the_other_ever_was(trained):
    (effect,) = effects([trained(USUAL, (0, 29), (0, 9)), trained(OTHER, (0, 28), (0, 29), (0, 39))])
    assert effect.as_good_after == 2
    (effect,) = effects([trained(USUAL, (0, 31), seed=1), trained(OTHER, (0, 28), seed=1)])
    assert effect.as_good_after is None


def test_training_that_diverged_has_no_test(trained):
    (effect,) = effects([trained(USUAL, (0, 9), (0, 9)), trained(OTHER, (0, 9), diverged=True)])
    assert (effect.finding, effect.p_value, effect.differences) == ("other diverged", None, [])


def test_nothing_to_compare_is_an_error(trained):
    with pytest.raises(NotFinite, match="every training diverged in its first epoch"):
        epochs_table([trained(USUAL, diverged=True)])


def test_chart_has_a_line_for_each_variant(trained, tmp_path):
    table = epochs_table([trained(USUAL, (0, 3), (0, 9)), trained(OTHER, (0, 5), diverged=True)])
    names = write_outcome("name", table, tmp_path)
    assert [path.name for path in names] == ["name.csv", "name.svg"]
    picture = ElementTree.parse(names[1]).getroot()
    tag = "{http://www.w3.org/2000/svg}"
    points = [each for each in picture.iter() if each.get("aria-roledescription") == "point"]
    assert len(points) == 3
    assert {"usual", "other"} <= {text.text for text in picture.iter(f"{tag}text")}
    assert final_rows(table)[["variant", "epoch"]].to_numpy().tolist() == [["usual", 2], ["other", 1]]


def test_bars_of_the_chart_reach_from_the_lowest_to_the_highest_seed(trained, tmp_path):
    table = epochs_table([trained(USUAL, (0, 9 + seed), seed=seed) for seed in (0, 1, 2)])
    _, chart = write_outcome("name", table, tmp_path)
    assert "usual, epoch 1: 72.50 %" in chart.read_text()
    groups = ElementTree.parse(chart).getroot().iter()
    (bars,) = (each for each in groups if each.get("class", "").startswith("mark-rule role-mark"))
    assert len(bars) == 1
    assert abs(float(bars[0].get("y2"))) > 1
