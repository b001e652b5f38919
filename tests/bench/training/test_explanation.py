"""The recipes in words: each number with its source, and where training differs from the papers."""

import pytest

from bench.errors import UsageError
from bench.training.explanation import SOURCES, explain
from bench.training.recipes import RECIPES


def values_of(explanation):
    return {part.name: part.value for part in explanation.parts}


@pytest.mark.parametrize("name", RECIPES)
def test_every_number_of_every_recipe_has_a_source(name):
    explanation = explain(name)
    assert [part.source for part in explanation.parts] == list(SOURCES[name].values())
    assert explanation.parts
    assert explanation.deviations


def test_numbers_are_those_of_the_paper():
    """Rethinking, sections 7 and 8."""
    values = values_of(explain("rethinking"))
    assert values["optimizer"] == "RMSProp, decay 0.9, epsilon 1.0, momentum 0.9"
    assert (values["first learning rate"], values["its decay"]) == ("0.045", "times 0.94 every 2 epochs")
    assert (values["epochs"], values["gradients clipped at"]) == ("100", "2")
    assert values["label smoothing"] == "0.1"


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        ("googlenet", "an unknown number of replicas"),
        ("bn", "an unknown number of replicas"),
        ("rethinking", "50 replicas"),
        ("inception-v4", "20 replicas"),
    ],
)
def test_replicas_of_the_paper_are_a_deviation(name, replicas):
    first = explain(name).deviations[0]
    assert first.startswith(f"Replicas: the paper trains with {replicas}, ")


def test_parts_that_are_left_out_or_changed_say_so():
    explanation = explain("rethinking", "rmsprop,distortion,averaging,patches", rate=0.1, epochs=3)
    sources = {part.name: part.source for part in explanation.parts}
    assert sources["optimizer"] == "--without rmsprop"
    assert sources["photometric distortions"] == "--without distortion"
    assert sources["patches"] == "--without patches"
    assert values_of(explanation)["patches"] == "none: whole images, mirrored at random"
    assert (sources["first learning rate"], sources["epochs"]) == ("--rate", "--epochs")
    assert values_of(explanation)["epochs"] == "3"
    kinds = [deviation.partition(":")[0] for deviation in explanation.deviations]
    assert kinds == ["Replicas", "Batch size", "Interpolation", "Label smoothing"]


def test_unknown_recipe_is_refused():
    with pytest.raises(UsageError, match="no recipe 'v5'"):
        explain("v5")
