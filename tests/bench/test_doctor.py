"""`doctor`: each thing that can spoil a run is found, and named in a line."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.data import open_images
from bench.mini import IMAGES as MINI
from tests.conftest import drawn

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


def doctor(*arguments, code=0):
    """{what: [(state, words), ...]} as JSON has it; the lines for people say the same."""
    done = CliRunner().invoke(app, ["doctor", *map(str, arguments), "--json"])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    said = json.loads(done.stdout)
    assert said["passed"] == (code == 0)
    found = {}
    for finding in said["findings"]:
        found.setdefault(finding["what"], []).append((finding["state"], finding["words"]))
    return found


@pytest.fixture
def mini(tmp_path):
    """The mini set's files in a folder of the test's own."""
    folder = tmp_path / "mini"
    shutil.copytree(
        MINI.parent, folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "__pycache__")
    )
    return folder


def test_on_the_mini_set_all_is_well():
    found = doctor()
    assert tuple(found) == MINI_LINES
    assert {state for findings in found.values() for state, _ in findings} == {"ok", "note"}
    assert found["data"] == [
        ("ok", f"1,000 images, {sum(open_images('mini').sizes) / 1e6:.1f} MB, in {MINI}")
    ]
    assert found["classes"] == [("ok", "50, each with 12 to 34 images")]
    assert found["blacklist"][0][1].startswith("39 images, from")
    assert "of 200 single crops are right" in found["label order"][0][1]


def test_lines_for_people():
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    assert [line[6:19].strip() for line in done.stdout.splitlines()] == list(MINI_LINES)
    assert {line[:6].strip() for line in done.stdout.splitlines()} == {"ok", "note"}


def test_labels_in_another_order_are_wrong(mini):
    lines = [line.split() for line in (mini / "labels.txt").read_text().splitlines()]
    (mini / "labels.txt").write_text("\n".join(f"{name} {(int(label) + 7) % 50}" for name, label in lines))
    found = doctor("--data", mini / MINI.name, code=1)
    assert found["label order"][0][0] == "wrong"
    assert "which is chance: wrong weights, labels or normalisation?" in found["label order"][0][1]


def test_what_is_wrong_does_not_hide_what_else_is(tmp_path):
    found = doctor("--data", tmp_path / "nowhere", code=1)
    assert found["data"] == [("wrong", f"no images at {tmp_path}/nowhere: there is no such folder or file")]
    assert found["weights"][0][0] == "ok"
    found = doctor("--weights", tmp_path / "none.pth", code=1)
    assert found["weights"] == [("wrong", f"no weights at {tmp_path}/none.pth: there is no such file")]
    assert found["labels"][0][0] == "ok"


def some(tmp_path, names, broken=()):
    """Images in folders by class of those names, some of them broken."""
    for number, name in enumerate(names):
        path = tmp_path / "data" / name / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x") if number in broken else drawn(90, 80, number).save(path)
    (tmp_path / "classes.txt").write_text("\n".join(f"class{number:02d}" for number in range(50)))
    return tmp_path / "data"


def test_images_that_cannot_be_read_are_named(tmp_path):
    data = some(tmp_path, [f"class{number % 50:02d}" for number in range(60)], broken=(3, *range(50, 60)))
    found = doctor("--data", data, "--read", code=1)
    ((state, words),) = (finding for finding in found["reading"] if "cannot be decoded" in finding[1])
    assert (state, words.count("(this is not an image)")) == ("wrong", 5)
    assert words.startswith("11 images cannot be decoded: class00/50.jpg (this is not an image)")
    assert words.endswith(" and 6 more; repair them, or leave them out with --skip-unreadable")
    found = doctor("--data", data, code=1)  # the sample for the label order meets them, too
    assert "class00/50.jpg and 10 more are unreadable: this is not an image; see --read" in [
        words for _, words in found["reading"]
    ]
    assert found["label order"][0][0] == "note"
    assert "too few to tell, 200 are needed" in found["label order"][0][1]


def test_classes_that_are_short_or_absent_are_named(tmp_path):
    names = [f"class{number:02d}" for number in range(50)]
    found = doctor("--data", some(tmp_path / "short", [*names, *names[:47]]))
    assert found["classes"] == [
        ("note", "3 of 50 have fewer than 2 images: class47 (1), class48 (1), class49 (1)")
    ]
    found = doctor("--data", some(tmp_path / "absent", names[:43]))
    assert found["classes"] == [
        ("note", "7 of 50 have no image: class43, class44, class45, class46, class47 and 2 more")
    ]


def test_the_validation_set_and_its_blacklist(shared):
    data, kit = shared / "data" / "ilsvrc-val", shared / "facts" / "blacklist.txt"
    options = ("--data", data, "--model", "v3", "--weights", "none.pth")
    found = doctor(*options, code=1)
    assert ("note", "200 of the 50,000 validation images: not the papers' figures") in found["data"]
    assert "without --blacklist there is no figure of the 48,238 images" in found["blacklist"][0][1]
    assert doctor(*options, "--blacklist", kit, code=1)["blacklist"] == [("ok", f"1,762 images, from {kit}")]
    assert doctor(*options, "--blacklist", "none", code=1)["blacklist"][0][0] == "wrong"


def test_a_disk_that_is_too_small(monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    found = doctor("--out", tmp_path / "not" / "yet", code=1)
    assert found["disk"] == [
        ("wrong", f"the run takes 0.2 MB, 0.1 MB are free in {tmp_path}: make room, or choose another --out")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--model", "v9"], "no network 'v9'"), (["--crops", "11"], "no protocol '11'")],
)
def test_what_means_nothing_is_a_usage_error(arguments, message):
    done = CliRunner().invoke(app, ["doctor", *arguments])
    assert (done.exit_code, message in done.stderr) == (2, True)
