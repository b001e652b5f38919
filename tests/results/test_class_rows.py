"""Tests of the table by class, beside pandas on the exported predictions."""

import numpy as np
import pytest

from results.class_rows import accuracy_by_class
from results.class_sets import ClassSet
from results.errors import RunError, RunUsageError
from results.scoring import Scoring, Truth
from results.tables import accuracy, predictions
from tests.helpers import random_run

NAMES = [(f"n{number}", f"class {number}") for number in range(10)]


def test_hits_of_each_class_are_those_of_the_exported_predictions(members):
    table = accuracy_by_class(members[:2], [NAMES] * 2)
    assert list(dict.fromkeys(table["model"])) == ["net0", "net1"]
    assert set(table["protocol"]) == {"10"}
    frame = predictions(members[1], "10")
    of_one = table[table["model"] == "net1"]
    assert of_one["label"].tolist() == [f"n{label}" for label in sorted(set(frame["label"]))]
    for row in of_one.to_dict("records"):
        own = frame[frame["label"] == int(row["label"][1:])]
        five = own[[f"top{k}" for k in range(1, 6)]].to_numpy()
        assert row["n"] == len(own)
        assert row["top1_hits"] == (own["top1"] == own["label"]).sum()
        assert row["top5_hits"] == (five == own[["label"]].to_numpy()).any(axis=1).sum()
        assert row["top1_error"] == pytest.approx(100 * (1 - row["top1_hits"] / row["n"]))
        assert row["class_name"] == f"class {row['label'][1:]}"


def test_classes_sum_to_the_row_of_all_images_by_any_labels_and_among_any_classes(run):
    pets = ClassSet(name="pets", groups=((1,), (6, 2), (4,)))
    truth = Truth("real", {f"image {number}": (number % 10, 4) for number in range(7, 25)})
    scorings = [Scoring(), Scoring(pets), Scoring(truth=truth), Scoring(pets, truth)]
    counted = ["n", "top1_hits", "top5_hits"]
    table = accuracy_by_class([run], [NAMES], "1", scorings)
    by_class = table.groupby(["class_set", "truth"])[counted].sum()
    whole = accuracy([run], scorings)
    expected = whole[whole["protocol"] == "1"].set_index(["class_set", "truth"])[counted]
    np.testing.assert_array_equal(by_class.sort_index(), expected.sort_index())
    labels = predictions(run, "1")["label"][7:]
    by_real = table[(table["class_set"] == "") & (table["truth"] == "real")]
    assert by_real["n"].tolist() == labels.value_counts().sort_index().tolist()


def test_protocol_that_a_run_lacks_and_labels_of_no_image_are_refused(tmp_path):
    run = random_run(tmp_path / "run", 1)
    with pytest.raises(RunUsageError, match="has no protocol '144': it has 1, 10"):
        accuracy_by_class([run], [NAMES], "144")
    with pytest.raises(RunError, match=r"no image of .* has a label in none"):
        accuracy_by_class([run], [NAMES], scorings=[Scoring(truth=Truth("none", {}))])
