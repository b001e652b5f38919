"""`doctor`: each thing that can spoil a run is found, and reported in a line."""

import shutil

import pytest

from bench import mini
from bench.data import open_images
from bench.planning import doctor
from tests.conftest import drawn
from tests.helpers import cli, cli_json

MINI_LINES = (
    "data",
    "labels",
    "classes",
    "blacklist",
    "reading",
    "weights",
    "device",
    "label order",
    "disk",
    "time",
)


def examine(*arguments, code=0):
    """{subject: [(state, text), ...]} as the command prints it."""
    printed = cli_json("doctor", *arguments, code=code)
    assert printed["passed"] == (code == 0)
    found = {}
    for finding in printed["findings"]:
        found.setdefault(finding["subject"], []).append((finding["state"], finding["text"]))
    return found


@pytest.fixture(autouse=True)
def short_measurements(monkeypatch):
    """Of the time that an evaluation would take."""
    measure, shorter = doctor.measure, {"seconds": 0.1}
    monkeypatch.setattr(doctor, "measure", lambda one, **options: measure(one, **options | shorter))


@pytest.fixture
def mini_copy(tmp_path):
    """The mini set's files in a folder of the test's own."""
    folder = tmp_path / "mini"
    shutil.copytree(
        mini.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "__pycache__")
    )
    return folder


def test_mini_set_passes():
    found = examine()
    assert tuple(found) == MINI_LINES
    assert {state for findings in found.values() for state, _ in findings} == {"ok", "note"}
    assert found["data"] == [
        ("ok", f"1,000 images, {sum(open_images('mini').sizes) / 1e6:.1f} MB, in {mini.IMAGES}")
    ]
    assert found["classes"] == [("ok", "50 classes, each with 12 to 34 images")]
    assert found["blacklist"][0][1].startswith("39 images, from")
    assert "of 200 single crops are right" in found["label order"][0][1]


def test_one_line_for_each_finding():
    done = cli("doctor")
    assert [line[6:19].strip() for line in done.stdout.splitlines()] == list(MINI_LINES)
    assert {line[:6].strip() for line in done.stdout.splitlines()} == {"ok", "note"}


def test_labels_in_another_order_are_wrong(mini_copy):
    lines = [line.split() for line in (mini_copy / "labels.txt").read_text().splitlines()]
    (mini_copy / "labels.txt").write_text(
        "\n".join(f"{name} {(int(label) + 7) % 50}" for name, label in lines)
    )
    found = examine("--data", mini_copy / mini.IMAGES.name, code=1)
    assert found["label order"][0][0] == "wrong"
    assert "which is chance: wrong weights, labels or normalisation?" in found["label order"][0][1]


def test_one_problem_does_not_hide_another(tmp_path):
    found = examine("--data", tmp_path / "nowhere", code=1)
    assert found["data"] == [("wrong", f"no images at {tmp_path}/nowhere: there is no such folder or file")]
    assert found["weights"][0][0] == "ok"
    found = examine("--weights", tmp_path / "none.pth", code=1)
    assert found["weights"] == [("wrong", f"no weights at {tmp_path}/none.pth: there is no such file")]
    assert found["labels"][0][0] == "ok"


def save_images(tmp_path, names, broken=()):
    """Save an image for each class name, in a folder of that name; `broken` are numbers of broken ones."""
    for number, name in enumerate(names):
        path = tmp_path / "data" / name / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x") if number in broken else drawn(90, 80, number).save(path)
    (tmp_path / "classes.txt").write_text("\n".join(f"class{number:02d}" for number in range(50)))
    return tmp_path / "data"


def test_unreadable_images_are_named(tmp_path):
    data = save_images(
        tmp_path, [f"class{number % 50:02d}" for number in range(60)], broken=(3, *range(50, 60))
    )
    found = examine("--data", data, "--read", code=1)
    ((state, words),) = found["reading"]
    assert (state, words.count("(this is not an image of a known format)")) == ("wrong", 5)
    assert words.startswith(
        "11 images cannot be decoded: class00/50.jpg (this is not an image of a known format)"
    )
    assert words.endswith(" and 6 more; repair them, or leave them out with --skip-unreadable")
    found = examine("--data", data, code=1)  # the sample for the label order meets them, too
    assert (
        "class00/50.jpg and 10 more are unreadable: this is not an image of a known format; see --read"
        in [words for _, words in found["reading"]]
    )
    assert found["label order"][0][0] == "note"
    assert "too few to tell, 200 are needed" in found["label order"][0][1]


def test_validation_images_and_their_blacklist(shared):
    data, kit = shared / "data" / "ilsvrc-val", shared / "facts" / "blacklist.txt"
    options = ("--data", data, "--model", "v3", "--weights", "none.pth")
    found = examine(*options, code=1)
    assert ("note", "200 of the 50,000 validation images: not the papers' figures") in found["data"]
    assert "a devkit of 2014 or later, for the 48,238" in found["blacklist"][0][1]
    assert examine(*options, "--blacklist", kit, code=1)["blacklist"] == [("ok", f"1,762 images, from {kit}")]
    assert examine(*options, "--blacklist", "none", code=1)["blacklist"][0][0] == "wrong"


def test_disk_that_is_too_small_is_wrong(monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    found = examine("--out", tmp_path / "not" / "yet", code=1)
    assert found["disk"] == [
        ("wrong", f"the run takes 0.2 MB, 0.1 MB are free in {tmp_path}: make room, or choose another --out")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--model", "v9"], "no network 'v9'"), (["--crops", "11"], "no protocol '11'")],
)
def test_meaningless_options_are_usage_errors(arguments, message):
    assert message in cli("doctor", *arguments, code=2).stderr
