from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from upath import UPath

import bench
from bench.python.arguments import checked


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("evaluate", {"crop": 144}, "evaluate() has no option 'crop': did you mean 'crops'?"),
        ("evaluate", {"banana": 1}, "evaluate() has no option 'banana': help(bench.evaluate) lists them"),
        ("ensemble", {"fersh": True}, "ensemble() has no option 'fersh': did you mean 'fresh'?"),
        (
            "import_predictions",
            {"logit": 1},
            "import_predictions() has no option 'logit': did you mean 'logits'?",
        ),
        ("import_predictions", {}, "import_predictions(): missing a required argument: 'file'"),
        ("evaluate", {"limit": "10"}, "limit must be a whole number or None, not '10'"),
        ("evaluate", {"limit": True}, "limit must be a whole number or None, not True"),
        ("evaluate", {"limit": np.array([3])}, "limit must be a whole number or None, not [3]"),
        ("evaluate", {"fresh": 1}, "fresh must be True or False, not 1"),
        ("evaluate", {"crops": None}, "crops must be text, a whole number or a list, not None"),
        ("evaluate", {"scales": [256, None]}, "each of scales must be a whole number, not None"),
        ("evaluate", {"mean": {0.5}}, "mean must be text, a number, a list or None, not {0.5}"),
        ("evaluate", {"crops": b"144"}, "crops must be text, a whole number or a list, not b'144'"),
        ("evaluate", {"model": 3}, "model must be text, a path or a torch.nn.Module, not 3"),
        ("evaluate", {"reporter": 3}, "reporter must be a Reporter or None, not 3"),
        ("ensemble", {"models": [1]}, "each of models must be text, not 1"),
        ("open", {"path": 3}, "path must be text or a path, not 3"),
    ],
)
def test_wrong_names_and_types_are_refused(function, options, message):
    with pytest.raises(TypeError) as raised:
        getattr(bench, function)(**options)
    assert str(raised.value) == message


def test_wrong_positional_arguments_are_refused():
    with pytest.raises(TypeError, match=r"^evaluate\(\): too many positional arguments$"):
        bench.evaluate("v3", 144)
    with pytest.raises(TypeError, match=r"^each of runs must be a Run, text or a path, not \['a', 'b'\]$"):
        bench.ensemble(["a", "b"])


@pytest.mark.parametrize(
    ("value", "hint", "accepted"),
    [
        (np.int64(3), int | None, 3),
        (np.bool_(True), bool, True),
        (np.array([256, 288]), str | Sequence[int], [256, 288]),
        ((256, np.int64(288)), str | Sequence[int], [256, 288]),
        (3, float, 3),
        (UPath("memory://runs"), str | Path, UPath("memory://runs")),
    ],
)
def test_natural_values_are_accepted(value, hint, accepted):
    found = checked("value", value, hint)
    assert found == accepted
    assert type(found) is type(accepted)
