"""The command line as users and scripts meet it."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench.zoo import NETWORKS
from results.run import Run, write_manifest
from tests.conftest import TINY, drawn


@pytest.fixture
def arguments(tiny_weights, photos, tmp_path):
    return ["eval", "--model", TINY, "--weights", tiny_weights, "--data", photos, "--out", tmp_path / "runs"]


def test_eval_prints_the_table_and_the_run(run_cli, arguments, tmp_path):
    done = run_cli(*arguments, "--crops", "12")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("│")[1].strip() for line in lines if line.startswith("│")] == ["1", "10", "12"] * 2
    titles = [line.strip() for line in lines if "n =" in line]
    assert titles == [f"{TINY}, all: n = 6", f"{TINY}, non-blacklisted: n = 6"]
    run = Path(lines[-1].removeprefix("run: "))
    assert (run / "manifest.json").is_file()
    assert "6 of 6 images" in done.stderr
    assert "crops/s" in done.stderr


def test_json_is_one_object_on_stdout(run_cli, arguments):
    done = run_cli(*arguments, "--crops", "10", "--json")
    printed = json.loads(done.stdout)
    assert Path(printed["run"]).is_dir()
    assert [(row["protocol"], row["image_set"], row["n"]) for row in printed["rows"]] == [
        ("1", "all", 6),
        ("10", "all", 6),
        ("1", "non-blacklisted", 6),
        ("10", "non-blacklisted", 6),
    ]
    assert {"model", "top1_hits", "top5_hits", "top1_error", "top5_error"} <= set(printed["rows"][0])


@pytest.fixture
def run(run_cli, arguments):
    return json.loads(run_cli(*arguments, "--crops", "10", "--json").stdout)["run"]


def test_report_follows_the_ending(run_cli, run, tmp_path):
    for ending, first in (("csv", "model,protocol"), ("md", "| model | protocol"), ("json", "{")):
        path = tmp_path / f"table.{ending}"
        assert run_cli("report", run, "-o", path).returncode == 0
        assert path.read_text().startswith(first)
        assert run_cli("report", run, "-o", "-", "--format", ending).stdout == path.read_text()


def test_predictions_are_a_line_an_image(run_cli, run, tmp_path):
    path = tmp_path / "predictions.csv"
    assert run_cli("predictions", run, "--protocol", "10", "-o", path).returncode == 0
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 6
    assert list(rows[0]) == [
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
    assert float(rows[0]["p1"]) >= float(rows[0]["p2"]) > 0
    assert list(csv.DictReader(io.StringIO(run_cli("predictions", run).stdout))) == rows


def test_models_and_protocols_as_tables_and_json(run_cli):
    models = json.loads(run_cli("models", "--json").stdout)
    assert [row["name"] for row in models] == list(NETWORKS)
    assert set(models[0]) == {"name", "parameters", "multiply_adds", "input_size", "weights"}
    assert "23,834,568" in run_cli("models").stdout
    protocols = json.loads(run_cli("protocols", "--json").stdout)
    assert [(row["name"], row["views"]) for row in protocols] == [
        ("1", 1),
        ("10", 10),
        ("12", 12),
        ("144", 144),
        ("dense", 5),
    ]
    assert "342, 384, 427, 470" in run_cli("protocols", "--model", "v3").stdout


def test_crops_draws_a_sheet(run_cli, tmp_path):
    drawn(500, 375).save(tmp_path / "image.jpg")
    done = run_cli("crops", tmp_path / "image.jpg", "--crops", "144", "-o", tmp_path / "sheet.png")
    assert (
        done.stdout == f"{tmp_path}/sheet.png: protocol 144 has 144 views, on this image 144 different ones\n"
    )
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 469 + 12 * 112  # the largest resized image beside twelve crops
        assert sheet.height >= 12 * 112


def test_help_is_quick_and_needs_no_torch():
    script = "import sys; from typer.testing import CliRunner; from bench.cli import app; r = CliRunner().invoke(app, ['--help']); "
    script += "assert r.exit_code == 0; print(sorted({'torch', 'timm', 'pandas', 'numpy', 'scipy', 'PIL'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


@pytest.mark.parametrize("command", ["eval", "report", "predictions", "crops", "models", "protocols"])
def test_every_command_has_help_with_an_example(run_cli, command):
    done = run_cli(command, "--help")
    assert done.returncode == 0
    assert f"Example: inception-bench {command}" in done.stdout


def bad_inputs(tmp_path, tiny_weights, photos):
    """(arguments, exit code, a part of the line) of what users get wrong."""
    evaluate = ["eval", "--model", TINY, "--weights", tiny_weights, "--out", tmp_path / "runs"]
    empty, other, numbered, text = (tmp_path / name for name in ("empty", "other", "numbered", "text"))
    empty.mkdir()
    (other / "n00000000").mkdir(parents=True)
    drawn(9, 9).save(other / "n00000000" / "a.jpg")
    for name in ("0", "1"):
        (numbered / name).mkdir(parents=True)
        drawn(9, 9).save(numbered / name / f"{name}.jpg")
    (text / "n01440764").mkdir(parents=True)
    (text / "n01440764" / "readme.txt").write_text("x")
    flat = tmp_path / "flat"
    flat.mkdir()
    drawn(9, 9).save(flat / "cat.jpg")
    twice = tmp_path / "twice"
    for wordnet_id in ("n01440764", "n01443537"):
        (twice / wordnet_id).mkdir(parents=True)
        drawn(9, 9).save(twice / wordnet_id / "ILSVRC2012_val_00000001.JPEG")
    (tmp_path / "not.tar").write_text("x")
    packed = tmp_path / "packed.tar.gz"
    packed.write_bytes(__import__("gzip").compress(b"x" * 2000))
    nothing = tmp_path / "no.run"
    nothing.mkdir()
    return [
        (
            [*evaluate],
            2,
            "test_efficientnet tells 1,000 classes apart, and .*mini_val.tar has 50: pass --data PATH",
        ),
        (
            [*evaluate, "--data", tmp_path / "nowhere"],
            1,
            "no images at .*nowhere: there is no such folder or file",
        ),
        ([*evaluate, "--data", empty], 1, "the folder is empty"),
        ([*evaluate, "--data", text], 1, "no file in it ends in one of"),
        ([*evaluate, "--data", other], 1, "n00000000 is not among the 1000 classes"),
        ([*evaluate, "--data", numbered], 1, "folders named by numbers .*name them by WordNet id"),
        ([*evaluate, "--data", flat], 1, "no labels for .*pass --labels FILE .* or --devkit"),
        ([*evaluate, "--data", flat, "--devkit", nothing], 1, "no ground truth of the validation images"),
        ([*evaluate, "--data", flat, "--labels", tmp_path / "none.txt"], 1, "none.txt does not exist"),
        ([*evaluate, "--data", twice], 1, "has 'ILSVRC2012_val_00000001' more than once"),
        ([*evaluate, "--data", tmp_path / "not.tar"], 1, "not.tar is not a .tar that can be read in place"),
        ([*evaluate, "--data", packed], 1, "unpack a compressed one first"),
        ([*evaluate, "--data", photos, "--blacklist", tmp_path / "none.txt"], 1, "cannot read the blacklist"),
        ([*evaluate, "--data", photos, "--crops", "11"], 2, "no protocol '11': write 1, 10, 12, 144, dense"),
        ([*evaluate, "--data", photos, "--scales", "100"], 2, "smaller than the network's input of 160"),
        ([*evaluate, "--data", photos, "--scales", "a,b"], 2, "write shorter sides in pixels"),
        (
            [*evaluate, "--data", photos, "--crops", "10", "--scales", "183,206"],
            2,
            "10 uses 1 of the 2 scales",
        ),
        ([*evaluate, "--data", photos, "--crops", ",".join(["10"] * 500)], 0, ""),
        (
            [*evaluate, "--data", photos, "--model", f"{TINY}.typo"],
            2,
            "no weights of timm/test_efficientnet 'typo'",
        ),
        ([*evaluate, "--data", photos, "--weights", tmp_path / "none.pth"], 1, "there is no such file"),
        ([*evaluate, "--data", photos, "--weights", "in22k"], 2, "no weights of .*'in22k': try r160_in1k"),
        ([*evaluate, "--data", photos, "--model", "v5"], 2, "no network 'v5'"),
        (
            [*evaluate, "--data", photos, "--model", "v3"],
            1,
            "does not fit InceptionV3: .* missing: Conv2d_1a_3x3.conv.weight",
        ),
        ([*evaluate, "--data", photos, "--out", "/sys/runs"], 1, "cannot write /sys/runs/"),
        ([*evaluate, "--data", photos, "--out", tiny_weights], 1, "cannot write .*tiny.safetensors/"),
        (["report", nothing], 1, "is no run: it has no manifest.json"),
        (["report", nothing, "-o", "table.xls"], 2, "no format 'xls'"),
        (["predictions", nothing, "-o", "table.json"], 2, "written as .csv"),
        (["crops", flat / "cat.jpg", "--scales", "60000"], 2, "10 uses|uses 4|144 crops need"),
        (
            ["crops", flat / "cat.jpg", "--crops", "1", "--scales", "60000"],
            2,
            "would be resized to 3,600,000,000 pixels",
        ),
        (["predictions", tmp_path / "nowhere"], 1, "is no run"),
        (["crops", tmp_path / "not.tar"], 1, "this is not an image"),
        (["crops", tmp_path / "nowhere.jpg"], 1, "nowhere.jpg: No such file"),
        (
            ["crops", flat / "cat.jpg", "-o", tmp_path / "sheet.xyz"],
            1,
            "cannot write .*sheet.xyz.*name a .png",
        ),
        (["crops", flat / "cat.jpg", "--model", "timm/resnet50"], 2, "is not in the table of networks"),
        (["protocols", "--model", "v9"], 2, "is not in the table of networks"),
    ]


def test_what_users_get_wrong_is_answered_in_a_line(run_cli, tmp_path, tiny_weights, photos):
    import re

    from typer.testing import CliRunner

    from bench.cli import app

    for arguments, code, message in bad_inputs(tmp_path, tiny_weights, photos):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        said = [line for line in done.stderr.splitlines() if line.startswith("inception-bench: ")]
        assert (done.exit_code, len(said)) == (code, int(code > 0)), (arguments, done.stderr, done.exception)
        assert code == 0 or (re.search(message, said[0]) and done.stdout == ""), said


def unfinished(run):
    """The run as it is before its end."""
    opened = Run.open(Path(run))
    write_manifest(opened.path, dict(opened.manifest) | {"complete": False})


def test_an_incomplete_run_is_exit_code_4(run_cli, run):
    unfinished(run)
    done = run_cli("report", run)
    assert done.returncode == 4
    assert "is incomplete: 6 of 6 images; the same eval command continues it" in done.stderr
    assert done.stdout == ""


def test_what_cannot_be_reported_leaves_no_file(run_cli, run, tmp_path):
    unfinished(run)
    assert run_cli("report", run, "-o", tmp_path / "table.csv").returncode == 4
    assert not (tmp_path / "table.csv").exists()


def test_a_run_may_be_named_by_its_manifest_but_only_once(run_cli, run):
    assert run_cli("report", f"{run}/manifest.json").returncode == 0
    done = run_cli("report", run, f"{run}/manifest.json")
    assert (done.returncode, "is there twice" in done.stderr) == (2, True)


def test_names_of_all_kinds_come_through(run_cli, arguments, photos, tmp_path):
    """Markup, blanks, newlines, commas, quotes, formulas, and bytes that are no UTF-8."""
    names = ["[red]x.jpg", "a b.jpg", "a\nb.jpg", 'a,"b".jpg', "=1+1.jpg", "\udce4.jpg"]
    for name in names:
        drawn(30, 30).save(photos / "n01440764" / "plain.jpg")
        (photos / "n01440764" / "plain.jpg").rename(photos / "n01440764" / name)
    run = json.loads(run_cli(*arguments, "--json").stdout)["run"]
    assert run_cli("predictions", run, "-o", tmp_path / "predictions.csv").returncode == 0
    text = (tmp_path / "predictions.csv").read_bytes().decode("utf-8", "surrogateescape")
    found = {row["image"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert {f"n01440764/{name}" for name in names} <= found
    (photos / "n01440764" / "a\nb.jpg").write_text("x")
    done = run_cli(*arguments)
    assert [
        line for line in done.stderr.splitlines() if line.startswith("inception-bench:")
    ] == done.stderr.splitlines()[-1:]


def test_a_full_stdout_is_an_error_in_a_line(run):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "report", run], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (
        1,
        "inception-bench: input or output: No space left on device\n",
    )


def test_a_traceback_is_there_for_the_asking(run_cli, tmp_path):
    assert "Traceback" not in run_cli("report", tmp_path).stderr
    assert "Traceback" in run_cli("--debug", "report", tmp_path).stderr
