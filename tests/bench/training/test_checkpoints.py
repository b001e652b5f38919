"""What a training writes, and what it goes on from."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bench.errors import BenchError, UsageError
from bench.training.checkpoints import resume, save
from results.errors import RunError

LOG = [{"epoch": 1, "rate": 0.1, "loss": 2.0, "images": 48, "seconds": 1.5}]


@pytest.fixture
def saved(tmp_path):
    module = nn.Linear(2, 2)
    save(tmp_path, "a training", {"module": module}, LOG, module)
    return tmp_path, module


def test_state_is_resumed_with_its_log(saved):
    out, module = saved
    other = nn.Linear(2, 2)
    assert resume(out, "a training", {"module": other}) == LOG
    assert torch.equal(other.weight, module.weight)


def test_folder_without_a_state_is_a_new_training(tmp_path):
    assert resume(tmp_path, "a training", {"module": nn.Linear(2, 2)}) == []


def test_another_training_in_the_folder_is_refused(saved):
    out, _ = saved
    with pytest.raises(
        UsageError, match=r"has a training with a training, not with another one: choose another --out"
    ):
        resume(out, "another one", {"module": nn.Linear(2, 2)})


@pytest.mark.parametrize("content", [b"", b"x", "first half", "other parts"])
def test_damaged_state_is_refused(saved, content):
    out, _ = saved
    data = (out / "state.pt").read_bytes()
    if content == "other parts":
        torch.save({"training": "a training", "log": LOG}, out / "state.pt")
    else:
        (out / "state.pt").write_bytes(data[: len(data) // 2] if content == "first half" else content)
    with pytest.raises(
        BenchError, match=r"state\.pt is damaged: use the last checkpoint beside it"
    ) as caught:
        resume(out, "a training", {"module": nn.Linear(2, 2)})
    assert caught.value.exit_code == 1


def test_checkpoint_leaves_out_auxiliary_heads_which_the_state_has(tmp_path):
    module = nn.ModuleDict({"classifier": nn.Linear(2, 2), "auxiliary": nn.Linear(2, 2)})
    save(tmp_path, "a training", {"module": module}, LOG, module)
    checkpoint = load_file(tmp_path / "epoch-0001.safetensors")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert checkpoint.keys() == {"classifier.weight", "classifier.bias"}
    assert state["module"].keys() == module.state_dict().keys()


def test_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        save(tmp_path / "file" / "out", "a training", {}, LOG, nn.Linear(2, 2))
