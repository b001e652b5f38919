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
from safetensors.torch import load_file
from torch import nn

from bench.data import open_images
from bench.errors import UsageError
from bench.training.recipes import RECIPES, Recipe, recipe
from bench.training.train import Patches, average_of, loss_of, optimizer_of, schedule_of, step
from crops.dialects import IMAGENET
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
    loss = step(
        module,
        torch.tensor([[30.0, 40.0]]),
        torch.tensor([1]),
        optimizer_of(module, chosen),
        SCALER,
        chosen,
        torch.float32,
    )
    assert loss.item() == pytest.approx(math.log(2))
    assert module.weight.norm().item() == pytest.approx(length if clip else length * math.sqrt(2), rel=1e-5)


def test_smoothed_labels_by_hand():
    """Rethinking, section 7: q = 0.9 for the label plus 0.1 / K for every class."""
    logits = torch.tensor([[1.0, 2.0, -1.0, 0.5]])
    log_p = [
        value - math.log(sum(math.exp(x) for x in (1.0, 2.0, -1.0, 0.5))) for value in (1.0, 2.0, -1.0, 0.5)
    ]
    targets = [0.025, 0.925, 0.025, 0.025]
    expected = -sum(q * p for q, p in zip(targets, log_p, strict=True))
    assert loss_of(logits, torch.tensor([1]), RECIPES["rethinking"]).item() == pytest.approx(
        expected, rel=1e-6
    )
    assert loss_of(logits, torch.tensor([1]), RECIPES["inception-v4"]).item() == pytest.approx(
        -log_p[1], rel=1e-6
    )


def test_auxiliary_losses_are_weighted():
    main, first, second = (torch.tensor([[0.0, value]]) for value in (0.0, 1.0, -1.0))
    losses = [math.log(1 + math.exp(-value)) for value in (0.0, 1.0, -1.0)]
    found = loss_of((main, [first, second]), torch.tensor([1]), RECIPES["googlenet"]).item()
    assert found == pytest.approx(losses[0] + 0.3 * (losses[1] + losses[2]), rel=1e-6)


def test_each_part_can_be_left_out():
    rows = recipe("rethinking", "rmsprop, clipping,smoothing,auxiliary,distortion,averaging")
    assert (rows.optimizer, rows.clip, rows.smoothing, rows.auxiliary, rows.distort, rows.average) == (
        "sgd",
        0,
        0,
        0,
        False,
        0,
    )
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
    options = [
        "--model",
        TINY,
        "--data",
        colours,
        "--out",
        out,
        "--epochs",
        epochs,
        "--batch",
        8,
        "--workers",
        1,
    ]
    options += ["--without", "auxiliary", *more]  # a later option of the same name wins
    return [sys.executable, *launcher, "-m", "bench", "train", *map(str, options)]


def trained(*arguments, **options):
    done = subprocess.run(command(*arguments, **options), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def test_a_network_learns_and_its_checkpoint_is_evaluated(colours, tmp_path, run_cli):
    out = tmp_path / "out"
    done = trained(colours, out, 6, "--recipe", "googlenet", "--without", "distortion,auxiliary")
    assert done.stdout.strip() == str(out / "epoch-0006.safetensors")
    rows = list(csv.DictReader((out / "log.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {row["images"] for row in rows} == {"48"}
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    table = run_cli(
        "eval",
        "--model",
        TINY,
        "--weights",
        out / "epoch-0006.safetensors",
        "--data",
        colours,
        "--out",
        tmp_path / "runs",
    )
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


def refused(*arguments):
    """(exit code, the line) of a training that does not begin or does not go on."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("inception-bench:")]
    return done.returncode, line


def test_another_training_in_the_same_folder_is_refused(colours, tmp_path):
    trained(colours, tmp_path / "out", 1)
    code, line = refused(colours, tmp_path / "out", 2, "--seed", 1)
    assert (code, "has another training" in line) == (2, True)
    picture = next(colours.glob("*/0.png"))
    picture.write_bytes(picture.with_name("1.png").read_bytes())
    code, line = refused(colours, tmp_path / "out", 2)
    assert (code, "has another training" in line) == (2, True)
    (tmp_path / "out" / "state.pt").write_text("x")
    code, line = refused(colours, tmp_path / "out", 2)
    assert (code, "state.pt is damaged" in line) == (1, True)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_named(colours, tmp_path, workers):
    (colours / "n01443537" / "5.png").write_text("x")
    code, line = refused(colours, tmp_path / "out", 1, "--workers", workers)
    assert (code, line) == (
        1,
        f"inception-bench: n01443537/5.png in {colours}: this is not an image; repair or remove it",
    )


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--rate", -1), 2, "--rate -1.0: write a positive number"),
        (("--rate", 10_000, "--recipe", "googlenet"), 1, "pass a smaller --rate and another --out"),
        (("--batch", 64), 2, "48 images, fewer than 1 x 64"),
        (
            ("--without", "", "--recipe", "googlenet"),
            2,
            "has no auxiliary head, which the recipe trains: pass --without auxiliary",
        ),
        (("--model", "v99"), 2, "no network 'v99'"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_line(colours, tmp_path, more, code, message):
    found, line = refused(colours, tmp_path / "out", 1, *more)
    assert (found, message in line) == (code, True), line


def test_a_folder_that_cannot_be_written_shows_before_the_first_epoch(colours, tmp_path):
    (tmp_path / "file").write_text("")
    code, line = refused(colours, tmp_path / "file" / "out", 1)
    assert (code, "cannot write" in line) == (1, True)


def test_two_processes_are_one_with_twice_the_batch(colours, tmp_path):
    """For a network without batch normalisation, whose statistics are each process's own."""
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    options = ("--model", "timm/test_vit", "--device", "cpu", "--recipe", "googlenet")
    both = trained(colours, tmp_path / "both", 2, *options, "--batch", 4, launcher=launcher)
    trained(colours, tmp_path / "one", 2, *options, "--batch", 8)
    assert both.stdout == f"{tmp_path / 'both' / 'epoch-0002.safetensors'}\n"  # once, not by each
    mine, theirs = (load_file(tmp_path / name / "epoch-0002.safetensors") for name in ("both", "one"))
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-5) for name in mine)
    logs = [
        list(csv.DictReader((tmp_path / name / "log.csv").read_text().splitlines()))
        for name in ("both", "one")
    ]
    assert [row["images"] for row in logs[0]] == [row["images"] for row in logs[1]] == ["48", "48"]
    assert [float(row["loss"]) for row in logs[0]] == pytest.approx(
        [float(row["loss"]) for row in logs[1]], rel=1e-4
    )


def test_the_average_is_what_is_evaluated(colours, tmp_path):
    trained(colours, tmp_path / "out", 1)
    checkpoint = load_file(tmp_path / "out" / "epoch-0001.safetensors")
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert all(torch.equal(value, state["average"][name]) for name, value in checkpoint.items())
    assert any(not torch.equal(value, state["module"][name]) for name, value in checkpoint.items())
    trained(colours, tmp_path / "plain", 1, "--without", "auxiliary,averaging")
    checkpoint = load_file(tmp_path / "plain" / "epoch-0001.safetensors")
    state = torch.load(tmp_path / "plain" / "state.pt", weights_only=True)
    assert all(torch.equal(value, state["module"][name]) for name, value in checkpoint.items())


def test_every_epoch_has_its_own_order_and_patches(colours, tmp_path, monkeypatch):
    from bench.progress import Silent
    from bench.training import train

    seen = []
    usual = train.step

    def watched(module, inputs, labels, *rest):
        seen.append((labels.tolist(), inputs.sum().item()))
        return usual(module, inputs, labels, *rest)

    monkeypatch.setattr(train, "step", watched)
    chosen = recipe("googlenet", "auxiliary")
    train.train(
        train.Training(TINY, chosen, str(colours), 2, tmp_path / "out", batch=48, workers=0, device="cpu"),
        Silent(),
    )
    (first, one), (second, two) = seen
    assert sorted(first) == sorted(second) == [0] * 16 + [1] * 16 + [2] * 16
    assert first != second
    assert one != two


def patches(colours, *, distort, epoch=0):
    found = Patches(open_images(str(colours)), 32, IMAGENET, distort=distort, seed=0)
    found.epoch = epoch
    return found


def test_patches_depend_on_seed_epoch_and_image_alone(colours):
    plain, later, distorted = (
        patches(colours, distort=False),
        patches(colours, distort=False, epoch=1),
        patches(colours, distort=True),
    )
    assert torch.equal(plain[3][0], patches(colours, distort=False)[3][0])
    assert not torch.equal(plain[3][0], later[3][0])
    assert not torch.equal(plain[3][0], distorted[3][0])


def test_patches_have_8_to_100_percent_of_the_area(colours):
    """GoogLeNet, section 6, and an aspect of 3/4 to 4/3."""
    crop = patches(colours, distort=True).transform.transforms[0]
    torch.manual_seed(0)
    boxes = [crop.make_params([torch.zeros(3, 400, 400)]) for _ in range(500)]
    areas = [box["height"] * box["width"] / 400**2 for box in boxes]
    aspects = [box["width"] / box["height"] for box in boxes]
    assert 0.079 < min(areas) < 0.1
    assert 0.9 < max(areas) <= 1.0
    assert 0.74 < min(aspects) < 0.78
    assert 1.3 < max(aspects) < 1.35


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
    trained(colours, tmp_path / "out", 3, "--recipe", "googlenet", "--without", "distortion,auxiliary")
    done = run_cli(
        "eval",
        "--model",
        TINY,
        "--weights",
        tmp_path / "out",
        "--data",
        colours,
        "--out",
        tmp_path / "runs",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert [(row["epoch"], row["image_set"]) for row in printed["rows"]] == [
        (e, s) for e in (1, 2, 3) for s in ("all", "non-blacklisted")
    ]
    assert len(printed["runs"]) == 3
    rows = list(csv.DictReader((tmp_path / "out" / "curve.csv").read_text().splitlines()))
    assert [float(row["top1_error"]) for row in rows] == [row["top1_error"] for row in printed["rows"]]
    picture = ElementTree.parse(tmp_path / "out" / "curve.svg").getroot()
    lines = list(picture.iter("{http://www.w3.org/2000/svg}polyline"))
    assert [len(line.get("points").split()) for line in lines] == [3, 3]  # top-1 and top-5

    done = run_cli(
        "eval", "--model", TINY, "--weights", tmp_path / "out", "--data", colours, "--out", tmp_path / "runs"
    )
    assert [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")] == [
        "1",
        "2",
        "3",
    ]


def test_a_folder_without_checkpoints_says_so(colours, tmp_path, run_cli):
    done = run_cli(
        "eval", "--model", TINY, "--weights", colours, "--data", colours, "--out", tmp_path / "runs"
    )
    assert (done.returncode, "no checkpoints in" in done.stderr) == (1, True)
