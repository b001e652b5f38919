import gzip
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.data.classes import read_timm_imagenet_file, wordnet_ids
from results.run import Run
from tests.conftest import TINY, drawn
from tests.helpers import cli, cli_error, cli_json, largest_difference, table_cells

LIST_A = read_timm_imagenet_file("imagenet_a_synsets.txt").split()
VALIDATION_NAME = "ILSVRC2012_val_00000001.JPEG"


def test_table_is_printed_with_the_path_of_the_run(eval_tiny):
    done = cli(*eval_tiny, "--crops", "12")
    lines = done.stdout.splitlines()
    assert [cells[0] for cells in table_cells(lines)] == ["1", "10", "12"]
    titles = [line.strip() for line in lines if "n =" in line]
    assert titles == [f"{TINY}, all: n = 6"]
    assert (Path(lines[-1].removeprefix("run: ")) / "manifest.json").is_file()


def test_progress_is_on_stderr(eval_tiny):
    line = r"^evaluating .*: 6 images in \d+ s, .* crops/s, top-1 error "
    assert re.search(line, cli(*eval_tiny).stderr, re.MULTILINE)


def test_json_is_one_object_with_the_run_and_its_rows(eval_tiny):
    printed = cli_json(*eval_tiny, "--crops", "10")
    assert Path(printed["run"]).is_dir()
    assert [(row["protocol"], row["image_set"], row["n"]) for row in printed["rows"]] == [
        ("1", "all", 6),
        ("10", "all", 6),
    ]
    assert {"model", "top1_hits", "top5_hits", "top1_error", "top5_error"} <= set(printed["rows"][0])


def test_default_is_mini_v3_on_the_mini_set_with_a_single_crop(tmp_path):
    row = cli_json("eval", "--limit", 10, "--out", tmp_path)["rows"][0]
    assert (row["model"], row["protocol"], row["n"]) == ("mini-v3", "1", 10)
    assert row["top1_hits"] > 3


def test_running_average_and_the_weights_themselves_are_two_runs(tmp_path, tiny_weights, photos):
    state = load_file(tiny_weights)
    average = {name: value.roll(1, 0) if "classifier" in name else value for name, value in state.items()}
    path = tmp_path / "model_best.pth.tar"
    torch.save({"state_dict": state, "state_dict_ema": average}, path)
    usual = ("eval", "--model", TINY, "--weights", path, "--data", photos, "--out", tmp_path)
    done = cli(*usual)
    assert f"{path} has a running average of its weights, state_dict_ema, which is evaluated" in done.stderr
    runs = [Run.open(Path(cli_json(*usual, *option)["run"])) for option in ([], ["--ema"], ["--no-ema"])]
    assert [run.manifest.model.ema for run in runs] == [True, True, False]
    assert runs[0].path == runs[1].path
    alone = Run.open(Path(cli_json(*usual, "--weights", tiny_weights)["run"]))
    assert largest_difference(runs[2], alone, "1") == 0
    assert largest_difference(runs[0], alone, "1") > 0
    assert alone.manifest.model.ema is None
    line = cli_error(*usual, "--weights", tiny_weights, "--ema", code=2)
    assert line == f"{tiny_weights} has no running average of its weights: leave out --ema"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "timm/resnet5O"], "no network 'timm/resnet5O': try timm/resnet50, "),
        (["--model", "timm/resnet50.a1_in"], "no weights of timm/resnet50 'a1_in': try a1_in1k, "),
        (["--model", "v3", "--weights", "tf_in"], "no weights of v3 'tf_in': try tf_in1k, "),
    ],
)
@pytest.mark.parametrize("data", ["mini", "nowhere"])
def test_mistyped_name_is_an_error_before_the_data_are_opened(options, message, data):
    assert cli_error("eval", *options, "--data", data, code=2).startswith(message)


def test_same_command_continues_and_fresh_starts_anew(eval_tiny):
    run = cli_json(*eval_tiny)["run"]
    (shard,) = Path(run).glob("shards/0*")
    before = shard.stat().st_mtime_ns
    assert "is complete; --fresh starts anew" in cli(*eval_tiny, "--resume").stderr
    assert shard.stat().st_mtime_ns == before
    cli(*eval_tiny, "--fresh")
    assert shard.stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--data", "mini"], 2, "predicts 1,000 classes, but .*mini_val.tar has 50: pass --data PATH"),
        (["--crops", "11"], 2, "no protocol '11': write native, 1, 10, 12, 144, dense"),
        (["--scales", "100"], 2, "smaller than the network's input of 160"),
        (["--scales", "a,b"], 2, "write shorter sides in pixels"),
        (["--crops", "10", "--scales", "183,206"], 2, "10 uses 1 of the 2 scales"),
        (["--weights", "none.pth"], 1, "no weights at none.pth: there is no such file"),
        (["--weights", ""], 2, "no weights of .*'': try r160_in1k, or a file that ends in"),
        (["--data", ""], 2, "an empty name leads nowhere: write a file or a folder"),
        (["--data", "reference://x"], 2, "reference://x cannot be reached"),
        (["--out", ""], 2, "an empty name leads nowhere: write a file or a folder"),
        (["--labels", "/dev/zero"], 1, "it is a device, not a file"),
        (["--blacklist", "/dev/zero"], 1, "it is a device, not a file"),
        (["--labels", "hf://x:y"], 2, "a data set of the Hugging Face hub, which --data alone takes"),
        (["--weights", "in22k"], 2, "no weights of .*'in22k': try r160_in1k"),
        (["--model", f"{TINY}.typo"], 2, "no weights of timm/test_efficientnet 'typo'"),
        (["--model", "v5"], 2, "no network 'v5'"),
        (["--model", "v3"], 1, "does not fit InceptionV3: .* missing: Conv2d_1a_3x3.conv.weight"),
        (["--blacklist", "none.txt"], 1, "no blacklist at none.txt: there is no such folder or file"),
        (["--out", "/sys/runs"], 1, "cannot write /sys/runs/"),
        (["--out", __file__], 1, "cannot write .*test_eval.py/"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_option_is_an_error_that_names_it(eval_tiny, options, code, message):
    assert re.search(message, cli_error(*eval_tiny, *options, code=code))


def test_protocol_that_is_listed_500_times_counts_once(eval_tiny):
    assert len(cli_json(*eval_tiny, "--crops", ",".join(["10"] * 500))["rows"]) == 2


@pytest.fixture
def wrong_data(tmp_path):
    """Folders and files whose images cannot be evaluated, by what is wrong with them."""
    for name in (f"class unknown/n00000000/{VALIDATION_NAME}", f"no labels/{VALIDATION_NAME}"):
        save_picture(tmp_path / name)
    for folder in ("n01440764", "n01443537"):
        save_picture(tmp_path / "same name" / folder / VALIDATION_NAME)
    for number in ("0", "1"):
        save_picture(tmp_path / "folders by number" / number / f"{number}.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text" / "n01440764").mkdir(parents=True)
    (tmp_path / "text" / "n01440764" / "readme.txt").write_text("x")
    (tmp_path / "text.tar").write_text("x")
    (tmp_path / "packed.tar.gz").write_bytes(gzip.compress(b"x" * 2000))
    return tmp_path


def save_picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn(9, 9).save(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere", "no images at .*nowhere: there is no such folder or file"),
        ("empty", "the folder is empty"),
        ("text", "no file in it ends in one of"),
        ("class unknown", "n00000000 is not among the 1000 classes"),
        ("folders by number", "folders named by numbers .*name them by WordNet id"),
        ("no labels", "no labels for .*pass --labels FILE .* or --devkit"),
        ("same name", "has 'ILSVRC2012_val_00000001' more than once"),
        ("text.tar", "text.tar is not a .tar that can be read in place"),
        ("packed.tar.gz", "unpack a compressed one first"),
    ],
)
def test_data_that_cannot_be_evaluated_is_an_error_that_says_why(eval_tiny, wrong_data, data, message):
    assert re.search(message, cli_error(*eval_tiny, "--data", wrong_data / data, code=1))


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--devkit", "empty", "no ground truth of the validation images"),
        ("--labels", "none.txt", "none.txt: there is no such folder or file"),
    ],
)
def test_label_files_that_cannot_be_read_are_named(eval_tiny, wrong_data, option, name, message):
    data = wrong_data / "no labels"
    assert message in cli_error(*eval_tiny, "--data", data, option, wrong_data / name, code=1)


def test_network_of_other_classes_is_refused_before_its_weights_are_fetched(tmp_path):
    line = cli_error("eval", "--model", "v4", "--out", tmp_path, code=2)
    assert line.startswith("v4 predicts 1,000 classes, but ")
    assert line.endswith("mini_val.tar has 50: pass --data PATH")


@pytest.fixture
def of_imagenet_a(tmp_path):
    """An image for each of ImageNet-A's classes, in folders, and six named as validation images."""
    for number, wordnet_id in enumerate(LIST_A):
        (tmp_path / "a" / wordnet_id).mkdir(parents=True)
        drawn(20, 20, number).save(tmp_path / "a" / wordnet_id / f"{number}.png")
    (tmp_path / "val").mkdir()
    classes = [0, 6, 11, 6, 999, 1]  # of which 6 and 11 are ImageNet-A's
    for number in range(1, 7):
        drawn(20, 20, 1000 + number).save(tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.png")
    lines = [f"ILSVRC2012_val_{number:08d} {label}" for number, label in enumerate(classes, start=1)]
    (tmp_path / "val/labels.txt").write_text("\n".join(lines))
    return tmp_path


def hits_by_hand(run, indices, k):
    """Of the images with these labels, those whose label is among the k likeliest of these classes; and n."""
    hits = n = 0
    for shard in Run.open(Path(run)).shards():
        for label, row in zip(shard.labels.tolist(), shard.probabilities["1"], strict=True):
            if label in indices:
                order = sorted(indices, key=lambda index: -row[index])
                hits, n = hits + (label in order[:k]), n + 1
    return hits, n


def test_images_of_imagenet_a_are_scored_among_its_classes_beside_validation_images(
    of_imagenet_a, tiny_weights
):
    usual = ["eval", "--model", TINY, "--weights", tiny_weights, "--out", of_imagenet_a / "runs"]
    usual += ["--allow-implausible", "--data"]
    clean = cli_json(*usual, of_imagenet_a / "val")
    indices = [wordnet_ids().index(wordnet_id) for wordnet_id in LIST_A]
    printed = cli_json(*usual, of_imagenet_a / "a")
    (row,) = printed["rows"]
    assert row["class_set"] == "imagenet-a"
    assert (row["top1_hits"], row["n"]) == hits_by_hand(printed["run"], indices, 1)
    assert (row["top5_hits"], row["n"]) == hits_by_hand(printed["run"], indices, 5)
    assert 0 < row["top5_hits"] < row["n"] == 200
    assert printed["clean"]["run"] == clean["run"]
    (beside,) = printed["clean"]["rows"]
    assert (beside["top5_hits"], beside["n"]) == hits_by_hand(clean["run"], indices, 5)
    assert beside["n"] == 3
    assert "class_set" not in clean["rows"][0]
    done = cli(*usual, of_imagenet_a / "a")
    assert (
        "200 of 200 images have a label in imagenet-a: they are scored among its 200 classes" in done.stderr
    )
    assert f"clean run: {clean['run']}, the same network on validation images" in done.stdout
    assert [cells[0] for cells in table_cells(done.stdout.splitlines())] == [
        f"{TINY} (data a)",
        f"{TINY} (data val)",
    ]
    (over_all,) = cli_json(*usual, of_imagenet_a / "a", "--classes", "all")["rows"]
    everything = range(1000)
    assert (over_all["top5_hits"], over_all["n"]) == hits_by_hand(printed["run"], everything, 5)
    note = f"note: {clean['run']} is the same network on validation images: name it, too"
    assert note not in cli("report", printed["run"]).stderr
    cli(*usual, of_imagenet_a / "a")
    assert note in cli("report", printed["run"]).stderr
    assert note not in cli("report", printed["run"], clean["run"]).stderr
    assert note not in cli("report", printed["run"], "--classes", "all").stderr
