"""Labels with several right classes, in the forms in which they are published."""

import json

import numpy as np
import pytest

from bench.data.truth import read_truth
from bench.errors import DataError, UsageError
from results.manifest import DataRecord, PlanRecord, ProtocolRecord
from results.run import Shard
from results.scoring import Scoring
from results.tables import accuracy
from tests.helpers import complete_run, random_run, start_run

NAMES = ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002", "a/dog.jpg", "b/dog.jpg", "b/cat.jpg"]


def run_of(folder, ids, probabilities=None, labels=None):
    """A run of these images over ImageNet's classes, which predicts class 0 unless it is said otherwise."""
    if probabilities is None:
        probabilities = np.zeros((len(ids), 1000), dtype=np.float32)
        probabilities[:, 0] = 1
    labels = np.zeros(len(ids), dtype=np.int64) if labels is None else labels
    plan = PlanRecord(protocols={"1": ProtocolRecord(crops=1)})
    run = start_run(folder, len(ids), plan=plan, shard_images=len(ids))
    return complete_run(run, [Shard(0, len(ids), list(ids), labels, {"1": probabilities})])


@pytest.fixture
def run(tmp_path):
    return run_of(tmp_path / "run", NAMES)


@pytest.fixture
def read(run, tmp_path):
    """Write a file of labels and read it for the run: the labels, and what was noted."""

    def write_and_read(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        notes = []
        truth = read_truth(str(path), [run], notes.append)
        assert truth.name == name
        return dict(truth.right), notes

    return write_and_read


def test_real_labels_give_what_timm_counts(tmp_path):
    """Top-1 and top-5 hits of timm's own evaluator, on the first 300 validation images."""
    import torch
    from timm.data.real_labels import RealLabelsImagenet

    generator = np.random.default_rng(0)
    names = [f"ILSVRC2012_val_{number:08d}" for number in range(1, 50_001)]
    evaluator = RealLabelsImagenet([f"{name}.JPEG" for name in names])
    probabilities = generator.random((300, 1000), np.float32)
    for row, name in zip(probabilities, names, strict=False):
        right = evaluator.real_labels[f"{name}.JPEG"]
        row[right[: generator.integers(0, 3)]] += generator.random() / 50
    evaluator.add_result(torch.from_numpy(probabilities))
    run = run_of(tmp_path / "run", names[:300], probabilities)
    row = accuracy([run], Scoring(truth=read_truth("real", [run], print))).iloc[0]
    assert (row["n"], row["truth"]) == (len(evaluator.is_correct[1]), "real")
    assert row["n"] < 300
    assert (row["top1_hits"], row["top5_hits"]) == tuple(sum(evaluator.is_correct[k]) for k in (1, 5))
    assert 0 < row["top1_hits"] < row["top5_hits"] < row["n"]


def test_classes_are_indices_or_wordnet_ids_and_images_are_named_as_in_label_files(read):
    right, notes = read(
        "mine.json",
        {"x/ILSVRC2012_val_00000002.JPEG": ["n01440764", 7], "a/dog.jpg": [1], "cat": [2, 3], "bird.jpg": []},
    )
    assert right == {"ILSVRC2012_val_00000002": (0, 7), "a/dog.jpg": (1,), "b/cat.jpg": (2, 3)}
    (note,) = notes
    assert note.startswith("1 of the 4 names in ")
    assert note.endswith("mine.json are of no image here, such as bird.jpg")


def test_name_that_two_images_have_is_not_taken_for_one(read):
    right, (note,) = read("mine.json", {"dog.jpg": [1], "cat.jpg": [2]})
    assert right == {"b/cat.jpg": (2,)}
    assert note.endswith("such as dog.jpg")


def test_list_is_of_the_validation_images_in_their_order(read):
    right, notes = read("real.json", [[number % 1000, 1] for number in range(50_000)])
    assert right == {"ILSVRC2012_val_00000001": (0, 1), "ILSVRC2012_val_00000002": (1, 1)}
    assert len(notes) == 1


def test_multilabel_annotations_count_what_is_correct_or_unclear_and_leave_out_problematic_images(read):
    annotated = {
        "ILSVRC2012_val_00000001.JPEG": {"correct": ["n01440764"], "unclear": ["n01443537"], "wrong": ["x"]},
        "ILSVRC2012_val_00000002.JPEG": {"correct": ["n01440764"]},
    }
    content = {
        "initial_annots": annotated,
        "problematic_images": {"ILSVRC2012_val_00000002.JPEG": ["drawing"]},
        "imagenet_m": [],
    }
    right, notes = read("human_accuracy_v3.0.0.json", content)
    assert right == {"ILSVRC2012_val_00000001": (0, 1), "ILSVRC2012_val_00000002": ()}
    assert not notes


@pytest.mark.parametrize("heading", ["", "ImageId,PredictionString\n"])
def test_lines_have_one_class_each(read, heading):
    lines = "ILSVRC2012_val_00000001,n01443537 10 20 30 40\na/dog.jpg 5\n\nb/cat.jpg\t7\n"
    assert read("cleaned.csv", heading + lines) == (
        {"ILSVRC2012_val_00000001": (1,), "a/dog.jpg": (5,), "b/cat.jpg": (7,)},
        [],
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", "{", "cannot read the labels .*: Expecting"),
        ("x.json", "[" * 100_000, "cannot read the labels"),
        ("x.json", "7", "should be an object from images' names to lists of classes"),
        ("x.json", "{}", "has no labels"),
        ("x.json", [[0], [1]], "is a list of 2, and there are 50,000 validation images"),
        ("x.json", [{"id": 293}] * 50_000, "ILSVRC2012_val_00000001: expected a list of classes"),
        ("x.json", {"a/dog.jpg": 5}, "a/dog.jpg: expected a list of classes, such as"),
        ("x.json", {"a/dog.jpg": [1000]}, "a/dog.jpg: 1000 is no class: write an index from 0 to 999, or a"),
        ("x.json", {"a/dog.jpg": [-1]}, "-1 is no class"),
        ("x.json", {"a/dog.jpg": [True]}, "True is no class"),
        ("x.json", {"a/dog.jpg": [5.0]}, "5.0 is no class"),
        ("x.json", {"a/dog.jpg": ["tench"]}, "tench is no class: .* or a name such as n01440764"),
        ("x.json", '{"a/dog.jpg": [1], "a/dog.jpg": [2]}', "labels a/dog.jpg twice, in different ways"),
        ("x.json", {"bird.jpg": [1]}, "names no image of .*, such as ILSVRC2012_val_00000001: name them"),
        ("x.json", {"initial_annots": []}, "lacks the objects initial_annots and problematic_images"),
        ("x.csv", "a/dog.jpg,5\na/dog.jpg,6\n", "labels a/dog.jpg twice"),
        ("x.csv", "a/dog.jpg,5\na/cat.jpg,1000\n", "a/cat.jpg: 1000 is no class"),
        ("x.csv", f"a/dog.jpg,{'9' * 5000}\n", "a/dog.jpg: 9+ is no class"),
        ("x.csv", "", "has no labels"),
        ("x.npy", "", "is no file of labels: write a .json, .csv or .txt, which name their images"),
        ("x.pkl", "", "is no file of labels"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_a_line(read, name, content, message):
    with pytest.raises(DataError, match=message) as refusal:
        read(name, content)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_file_that_is_not_there_is_a_usage_error(run):
    with pytest.raises(UsageError, match=r"--truth multilabel: write real, or the name of a .json, .csv or"):
        read_truth("multilabel", [run], print)


def test_file_that_is_no_text_is_refused(run, tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot read the labels"):
        read_truth(str(tmp_path / "x.json"), [run], print)


def test_classes_of_the_run_are_meant_and_all_runs_have_the_same(run, tmp_path):
    data = DataRecord(path="val", images=25, classes=("cat", "dog"))
    pets = random_run(tmp_path / "pets", 0, classes=2, data=data)
    (tmp_path / "x.json").write_text('{"image 3": ["dog"]}')
    assert read_truth(str(tmp_path / "x.json"), [pets], print).right == {"image 3": (1,)}
    with pytest.raises(UsageError, match="the runs have different classes"):
        read_truth(str(tmp_path / "x.json"), [run, pets], print)
