"""The recipes, one part after the other, against numbers worked out by hand; and whole trainings."""

import csv
import json
import math
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.errors import UsageError
from bench.recipes import RECIPES, Recipe, recipe
from bench.train import average_of, loss_of, optimizer_of, schedule_of, step
from tests.conftest import TINY

PLAIN = Recipe("sgd", 1.0, decay=1.0, decay_epochs=1, average=0.0, weight_decay=0.0)
SCALER = torch.amp.GradScaler("cpu", enabled=False)


@pytest.mark.parametrize(
    ("name", "rates"),
    [  # rate x decay to the power of the epochs gone by over the epochs of a step
        ("googlenet", {0: 0.01, 2: 0.01, 8: 0.0096, 16: 0.009216}),
        ("rethinking", {0: 0.045, 2: 0.0423, 8: 0.0351337, 16: 0.0274306}),
        ("inception-v4", {0: 0.045, 1: 0.045, 2: 0.0423, 3: 0.0423}),
    ],
)
def test_the_rate_falls_as_the_papers_say(name, rates):
    optimizer = optimizer_of(nn.Linear(1, 1), RECIPES[name])
    schedule = schedule_of(optimizer, RECIPES[name])
    found = []
    for _ in range(17):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert {epoch: found[epoch] for epoch in rates} == pytest.approx(rates, rel=1e-5)


def test_rmsprop_is_tensorflows():
    """Mean square from 1, epsilon of 1 under the root, momentum 0.9: two steps with a gradient of 2, by hand."""
    module = nn.Linear(1, 1, bias=True)
    nn.init.zeros_(module.bias)
    optimizer = optimizer_of(module, RECIPES["rethinking"])
    square, moving, value = 1.0, 0.0, 0.0
    for _ in range(2):
        module.weight.grad, module.bias.grad = torch.zeros(1, 1), torch.full((1,), 2.0)
        optimizer.step()
        square = 0.9 * square + 0.1 * 2.0**2
        moving = 0.9 * moving + 0.045 * 2.0 / math.sqrt(square + 1.0)
        value -= moving
    assert module.bias.item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("clip", "length"), [(2.0, 2.0), (0.0, 25.0)])
def test_gradients_are_clipped_at_their_common_length(clip, length):
    """Two classes, both logits 0, an input of (30, 40): each row of the gradient is half of it, up and down.

    So it is 25 x sqrt(2) long, and with a rate of 1 so is the first step, or as long as it is clipped to.
    """
    module = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(module.weight)
    chosen = Recipe(**(vars(PLAIN) | {"clip": clip}))
    loss = step(module, torch.tensor([[30.0, 40.0]]), torch.tensor([1]), optimizer_of(module, chosen), SCALER, chosen, torch.float32)
    assert loss == pytest.approx(math.log(2))
    assert module.weight.norm().item() == pytest.approx(length if clip else length * math.sqrt(2), rel=1e-5)


def test_smoothed_labels_by_hand():
    """Rethinking, section 7: q = 0.9 for the label plus 0.1 / K for every class."""
    logits = torch.tensor([[1.0, 2.0, -1.0, 0.5]])
    log_p = [value - math.log(sum(math.exp(x) for x in (1.0, 2.0, -1.0, 0.5))) for value in (1.0, 2.0, -1.0, 0.5)]
    targets = [0.025, 0.925, 0.025, 0.025]
    expected = -sum(q * p for q, p in zip(targets, log_p, strict=True))
    assert loss_of(logits, torch.tensor([1]), RECIPES["rethinking"]).item() == pytest.approx(expected, rel=1e-6)
    assert loss_of(logits, torch.tensor([1]), RECIPES["inception-v4"]).item() == pytest.approx(-log_p[1], rel=1e-6)


def test_auxiliary_losses_are_weighted():
    main, first, second = (torch.tensor([[0.0, value]]) for value in (0.0, 1.0, -1.0))
    losses = [math.log(1 + math.exp(-value)) for value in (0.0, 1.0, -1.0)]
    found = loss_of((main, [first, second]), torch.tensor([1]), RECIPES["googlenet"]).item()
    assert found == pytest.approx(losses[0] + 0.3 * (losses[1] + losses[2]), rel=1e-6)


def test_each_part_can_be_left_out():
    rows = recipe("rethinking", "rmsprop, clipping,smoothing,auxiliary,distortion,averaging")
    assert (rows.optimizer, rows.clip, rows.smoothing, rows.auxiliary, rows.distort, rows.average) == ("sgd", 0, 0, 0, False, 0)
    assert recipe("rethinking", "", 0.01).rate == 0.01
    with pytest.raises(UsageError, match="no recipe 'v4': write googlenet, rethinking, inception-v4"):
        recipe("v4")
    with pytest.raises(UsageError, match="--without 'dropout': write rmsprop"):
        recipe("rethinking", "dropout")


@pytest.fixture
def colours(tmp_path):
    """Three classes that any network learns: red, green and blue pictures."""
    for colour, wordnet_id in enumerate(("n01440764", "n01443537", "n01484850")):
        folder = tmp_path / "colours" / wordnet_id
        folder.mkdir(parents=True)
        for number in range(16):
            pixels = np.random.default_rng(number).integers(0, 60, (60, 60, 3), dtype=np.uint8)
            pixels[..., colour] += 190
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "colours"


def command(colours, out, epochs, *more, launcher=()):
    options = ["--model", TINY, "--data", colours, "--out", out, "--epochs", epochs, "--batch", 8, "--workers", 1, *more]
    return [sys.executable, *launcher, "-m", "bench", "train", *map(str, options)]


def trained(*arguments, **options):
    done = subprocess.run(command(*arguments, **options), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def test_a_network_learns_and_its_checkpoint_is_evaluated(colours, tmp_path, run_cli):
    out = tmp_path / "out"
    done = trained(colours, out, 6, "--recipe", "googlenet", "--without", "distortion")
    assert done.stdout.strip() == str(out / "epoch-0006.safetensors")
    rows = list(csv.DictReader((out / "log.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {row["images"] for row in rows} == {"48"}
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    table = run_cli("eval", "--model", TINY, "--weights", out / "epoch-0006.safetensors", "--data", colours, "--out", tmp_path / "runs")
    assert ": n = 48" in table.stdout


def test_a_training_that_is_killed_ends_as_one_that_was_not(colours, tmp_path):
    trained(colours, tmp_path / "whole", 4, "--recipe", "rethinking")
    line = command(colours, tmp_path / "killed", 4, "--recipe", "rethinking")
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "epoch-0002.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "epoch-0004.safetensors").exists()
    trained(colours, tmp_path / "killed", 4, "--recipe", "rethinking")
    for epoch in range(1, 5):
        name = f"epoch-{epoch:04d}.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()


def test_another_training_in_the_same_folder_is_refused(colours, tmp_path):
    trained(colours, tmp_path / "out", 1)
    done = subprocess.run(command(colours, tmp_path / "out", 1, "--seed", 1), capture_output=True, text=True)
    assert done.returncode == 2
    assert "has another training" in done.stderr


def test_two_processes_under_torchrun_share_an_epoch(colours, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    trained(colours, tmp_path / "out", 1, "--device", "cpu", launcher=launcher)
    (row,) = csv.DictReader((tmp_path / "out" / "log.csv").read_text().splitlines())
    assert row["images"] == "48"
    assert (tmp_path / "out" / "epoch-0001.safetensors").exists()


def test_the_average_runs_behind_the_parameters():
    """Decays of 0, 0 and 1 - 2 ** (-2/3) over values of 1, 3 and 2."""
    module = nn.Linear(1, 1, bias=False)
    average = average_of(module, RECIPES["rethinking"])
    for number, value in enumerate((1.0, 3.0, 2.0)):
        nn.init.constant_(module.weight, value)
        average.update(module, step=number)
    decay = 1 - 2 ** (-2 / 3)
    assert average.module.weight.item() == pytest.approx(decay * 3 + (1 - decay) * 2, rel=1e-6)
    assert average_of(module, PLAIN) is None


def test_a_folder_of_checkpoints_is_drawn_over_the_epochs(colours, tmp_path, run_cli):
    trained(colours, tmp_path / "out", 3, "--recipe", "googlenet", "--without", "distortion")
    done = run_cli("eval", "--model", TINY, "--weights", tmp_path / "out", "--data", colours, "--out", tmp_path / "runs", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert [(row["epoch"], row["image_set"]) for row in printed["rows"]] == [(e, s) for e in (1, 2, 3) for s in ("all", "non-blacklisted")]
    assert len(printed["runs"]) == 3
    rows = list(csv.DictReader((tmp_path / "out" / "curve.csv").read_text().splitlines()))
    assert [float(row["top1_error"]) for row in rows] == [row["top1_error"] for row in printed["rows"]]
    picture = ElementTree.parse(tmp_path / "out" / "curve.svg").getroot()
    lines = list(picture.iter("{http://www.w3.org/2000/svg}polyline"))
    assert [len(line.get("points").split()) for line in lines] == [3, 3]  # top-1 and top-5

    done = run_cli("eval", "--model", TINY, "--weights", tmp_path / "out", "--data", colours, "--out", tmp_path / "runs")
    assert [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")] == ["1", "2", "3"]


def test_a_folder_without_checkpoints_says_so(colours, tmp_path, run_cli):
    done = run_cli("eval", "--model", TINY, "--weights", colours, "--data", colours, "--out", tmp_path / "runs")
    assert (done.returncode, "no checkpoints in" in done.stderr) == (1, True)
