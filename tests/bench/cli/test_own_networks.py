"""Networks of the user's own on the command line."""

from pathlib import Path

import pytest

from results.run import Run
from tests.conftest import TINY
from tests.helpers import cli, cli_error, cli_json

INPUT = ("--input-size", 64, "--mean", 0.5, "--std", "0.5,0.25,0.5")
NETS = """
import torch

class Net(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.last = torch.nn.Linear(3, 1000)

    def forward(self, images):
        return self.last(images.mean((2, 3)))

def one(): return Net(1)
def other(): return Net(2)
def same(): return Net(1)
def narrow(): return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a file of factories."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def usual(photos, folder):
    """What every command here is called with."""
    return ("--data", photos, "--out", folder / "runs", "--allow-implausible", *INPUT)


def test_factory_is_evaluated_and_found_again(usual):
    first = cli_json("eval", "--model", "nets.py:one", *usual)
    (row,) = first["rows"]
    assert (row["model"], row["n"]) == ("nets.py:one", 6)
    again = cli("eval", "--model", "nets:same", *usual)
    assert "is complete; --fresh starts anew" in again.stderr
    record = Run.open(Path(first["run"])).manifest.model
    assert (record.architecture, record.weights) == ("nets.Net", "nets.py:one")
    assert (record.input_size, record.mean, record.std) == (64, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))


def test_factories_make_an_ensemble_with_weights_from_files(usual, folder):
    import torch

    torch.manual_seed(3)
    torch.save(torch.nn.Linear(3, 1000).state_dict(), folder / "bare.pth")
    state = {f"last.{name}": value for name, value in torch.load(folder / "bare.pth").items()}
    torch.save(state, folder / "own.v2.pth")
    models = "nets.py:one,nets:other,./nets.py:one=own.v2.pth"
    printed = cli_json("ensemble", "--models", models, *usual)
    assert printed["networks"] == ["nets.py:one", "nets:other", "nets.py:one=own.v2.pth"]
    line = cli_error("ensemble", "--models", "nets.py:one,nets:same", *usual, code=2)
    assert line == "nets:same and nets.py:one are the same network with the same weights: name it once"


def test_doctor_and_throughput_take_a_factory(usual, folder):
    of_data = usual[:2]
    found = cli("doctor", "--model", "nets.py:one", *of_data, *INPUT, "--out", folder / "runs")
    assert "ok    weights      nets.py:one, nets.py:one, sha256 " in found.stdout
    command = ("throughput", "--model", "nets.py:one", *of_data, *INPUT, "--rounds", 1, "--seconds", 0.1)
    assert cli_json(*command)["model"] == "nets.py:one"


def test_bare_name_is_explained(tiny_weights, photos, tmp_path):
    name = TINY.removeprefix("timm/")
    done = cli("eval", "--model", name, "--weights", tiny_weights, "--data", photos, "--out", tmp_path)
    assert f"note: {name} is timm's: {TINY} names it in full" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--model", "none.py:one"], 2, "no network at none.py: there is no such file"),
        (["--model", "nets.py:three"], 2, "no factory 'nets.py:three': try nets.py:"),
        (["--model", "nowhere:one"], 2, "no module 'nowhere' is installed or in this folder"),
        (["--model", "nets.py:one", "--weights", "none.pth"], 2, "no weights at none.pth: there is no such"),
        (["--model", "nets.py:narrow"], 2, "nets.py:narrow predicts 3 classes, but "),
        (
            ["--model", "nets.py:one", "--crops", "dense"],
            2,
            "--crops dense: nets.py:one has no module called",
        ),
        (
            ["--model", "net.onnx", "--weights", "x.pth"],
            2,
            "--weights x.pth: net.onnx has its weights, leave",
        ),
        (["--std", "0"], 2, "--std 0: levels are divided by it, so write numbers above 0"),
        (["--model", "hf-hub:net"], 2, "no network 'hf-hub:net': write hf-hub:ORG/NAME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_network_is_one_line(usual, options, code, message):
    assert cli_error("eval", *usual, *options, code=code).startswith(message)


def test_network_that_is_trained_is_not_the_users_own(usual):
    line = cli_error("train", "--model", "nets.py:one", "--recipe", "rethinking", "--data", usual[1], code=2)
    assert line == "nets.py:one is a network with its weights: take one that can be built without"
