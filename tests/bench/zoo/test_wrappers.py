"""Which tensors of a checkpoint are the weights, and which their running average."""

from pathlib import Path

import pytest
import torch

from bench.errors import UsageError, WeightsError
from bench.zoo.wrappers import unwrap

PATH = Path("a.pth")
OTHERS = {"epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}, "acc1": torch.ones(())}


def state(value):
    """The state of a network whose weights are all `value`."""
    return {"layer.weight": torch.full((2,), value)}


def of_torch(value, counter="n_averaged"):
    """The state of torch's or mmengine's average."""
    return {counter: torch.tensor(7), "module.layer.weight": torch.full((2,), value)}


def value_of(checkpoint):
    (weight,) = checkpoint.tensors.values()
    return weight[0].item()


@pytest.mark.parametrize(
    "wrapper",
    [
        *("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network", "params"),
        *("weights", "generator"),
    ],
)
def test_wrapped_weights_are_found(wrapper):
    others = OTHERS if wrapper not in ("weights", "generator") else {"epoch": 3}
    for content in ({wrapper: state(1.0)}, {wrapper: {"state_dict": state(1.0)}}):
        found = unwrap(content | others, PATH, None)
        assert (value_of(found), found.ema, found.note) == (1.0, None, "")


def test_file_that_is_the_state_itself_is_read():
    found = unwrap(state(1.0) | {"epoch": 3}, PATH, None)
    assert (found.tensors.keys(), found.ema, found.note) == ({"layer.weight"}, None, "")


@pytest.mark.parametrize(
    ("content", "average", "current"),
    [
        pytest.param(
            {"state_dict": state(1.0), "state_dict_ema": state(2.0)},
            "state_dict_ema",
            "state_dict",
            id="timm",
        ),
        pytest.param(
            {"model": state(1.0), "model_ema": of_torch(2.0)}, "model_ema", "model", id="torchvision"
        ),
        pytest.param(
            {"model_state": state(1.0), "ema_state": state(2.0)}, "ema_state", "model_state", id="pycls"
        ),
        pytest.param({"params": state(1.0), "params_ema": state(2.0)}, "params_ema", "params", id="basicsr"),
        pytest.param({"student": state(1.0), "teacher": state(2.0)}, "teacher", "student", id="dino"),
        pytest.param({"module": state(1.0), "average": state(2.0)}, "average", "module", id="train"),
        pytest.param(
            {"current_model_state": state(1.0), "state_dict": state(2.0)},
            *("state_dict", "current_model_state"),
            id="lightning",
        ),
        pytest.param(
            {"meta": {}, "ema_state_dict": of_torch(1.0, "steps"), "state_dict": state(2.0)},
            *("state_dict", "ema_state_dict"),
            id="mmengine",
        ),
        pytest.param(
            {"model": {"state_dict": state(1.0), "state_dict_ema": state(2.0)}},
            *("model.state_dict_ema", "model.state_dict"),
            id="nested",
        ),
    ],
)
def test_running_average_is_taken_with_a_note_unless_the_user_chooses(content, average, current):
    content |= OTHERS
    silent = unwrap(content, PATH, None)
    assert (value_of(silent), silent.ema) == (2.0, True)
    assert silent.note == (
        f"a.pth has a running average of its weights, {average}, which is evaluated: --no-ema takes {current}"
    )
    for ema, value in ((True, 2.0), (False, 1.0)):
        chosen = unwrap(content, PATH, ema)
        assert (value_of(chosen), chosen.ema, chosen.note) == (value, ema, "")


def test_choice_that_a_file_does_not_have_is_refused():
    with pytest.raises(UsageError, match=r"^a\.pth has no running average of its weights: leave out --ema$"):
        unwrap({"state_dict": state(1.0)}, PATH, ema=True)
    with pytest.raises(UsageError, match=r"^a\.pth has only the running average .*: leave out --no-ema$"):
        unwrap({"model_ema": state(1.0)}, PATH, ema=False)
    assert unwrap({"model_ema": state(1.0)}, PATH, None).ema is True
    assert unwrap({"model": state(1.0)}, PATH, ema=False).ema is None


def test_one_of_several_weights_is_named():
    found = unwrap({"net": state(1.0), "model": state(2.0)}, PATH, None)
    assert (value_of(found), found.note) == (2.0, "a.pth has weights in model and net: model is evaluated")
    found = unwrap({"encoder": state(1.0), "b": state(2.0)}, PATH, None)
    assert (value_of(found), found.note) == (1.0, "a.pth has weights in encoder and b: encoder is evaluated")


def test_teacher_of_another_network_is_left_alone():
    found = unwrap({"model": state(1.0), "teacher": state(2.0)}, PATH, None)
    assert (value_of(found), found.ema) == (1.0, None)


def test_file_without_tensors_or_with_endless_wrappers_is_refused():
    endless = {"epoch": 3}
    endless["model"] = endless
    for content in ({}, {"epoch": 3, 1: torch.ones(1)}, endless):
        with pytest.raises(WeightsError, match=r"a\.pth has no tensors: save the network's state_dict\(\)"):
            unwrap(content, PATH, None)
