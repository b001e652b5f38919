"""Tests of what a suite's file says."""

import tomllib
from importlib import resources

import pytest

from bench.errors import BenchError, UsageError
from bench.suites.suite import examples, read_suite
from results.errors import RunUsageError

WHOLE = """
networks = ["mini-v3", "timm/resnet50.a1_in1k"]
crops = 1
limit = 40
precision = "fp32"

[data.mini]
data = "mini"

[data.other]
data = "elsewhere"
crops = "10"
skip_unreadable = true

[check]
against = "baseline.csv"
tolerance = 0.2
"""

ONE = 'networks = ["mini-v3"]\n[data.mini]\ndata = "mini"\n'


def write(folder, text):
    path = folder / "suite.toml"
    path.write_text(text)
    return str(path)


def test_each_network_is_on_each_data_set_with_its_options(tmp_path):
    suite = read_suite(write(tmp_path, WHOLE), {}, out=tmp_path)
    assert suite.name == "suite"
    found = {
        name: [(options.model, options.crops, options.data, options.limit) for options in several]
        for name, several in suite.evaluations.items()
    }
    assert found == {
        "mini": [("mini-v3", "1", "mini", 40), ("timm/resnet50.a1_in1k", "1", "mini", 40)],
        "other": [("mini-v3", "10", "elsewhere", 40), ("timm/resnet50.a1_in1k", "10", "elsewhere", 40)],
    }
    assert [options.skip_unreadable for options in suite.evaluations["other"]] == [True, True]
    assert {options.out for several in suite.evaluations.values() for options in several} == {tmp_path}
    assert suite.check
    assert (str(suite.check.against), suite.check.tolerance.points) == ("baseline.csv", 0.2)


def test_place_of_a_data_set_can_be_given(tmp_path):
    suite = read_suite(write(tmp_path, WHOLE), {"other": "here"})
    assert suite.evaluations["other"][0].data == "here"
    assert suite.evaluations["mini"][0].data == "mini"


@pytest.mark.parametrize("name", ["mini", "googlenet", "bn", "rethinking", "inception-v4", "timm-families"])
def test_examples_name_networks_and_weights_that_exist(name):
    from bench.zoo.loading import check_names

    assert name in examples()
    for several in read_suite(name, {}).evaluations.values():
        for options in several:
            check_names(options.model, options.weights)


def test_families_of_timm_are_twenty():
    text = (resources.files("bench.suites") / "timm-families.toml").read_text()
    assert len(set(tomllib.loads(text)["networks"])) == 20


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("networks =", "not a file in TOML"),
        ('networks = "v3"\n[data.mini]\ndata = "mini"', "a list of names"),
        ('networks = []\n[data.mini]\ndata = "mini"', "a list of names"),
        ('networks = ["v3"]', "a table [data.NAME]"),
        ('networks = ["v3"]\n[data.mini]\ncrops = "1"', "[data.mini]: write data = PLACE"),
        ('networks = ["v3", "v3"]\n[data.mini]\ndata = "mini"', "v3 is in networks twice"),
        ('crop = "1"\n' + ONE, "called 'crop': try crops"),
        (ONE + 'model = "v3"', "called 'model'"),
        ('ensembles = ["mini-v3"]\n' + ONE, "write lists of two networks or more"),
        ('ensembles = [["mini-v3"]]\n' + ONE, "write lists of two networks or more"),
        ('ensembles = [["mini-v3", "mini-v3"]]\n' + ONE, "write lists of two networks or more"),
        ('ensembles = [["mini-v3", "mini-v4"]]\n' + ONE, "called 'mini-v4': try mini-v3"),
        ("limit = 2.5\n" + ONE, "limit = 2.5, write a whole number"),
        ("limit = true\n" + ONE, "limit = True, write a whole number"),
        ("fresh = 1\n" + ONE, "fresh = 1, write true or false"),
        ("labels = 3\n" + ONE, "labels = 3, write text in quotes"),
        (ONE + "[check]\n", "write against ="),
        (ONE + '[check]\nagainst = "a.csv"\ntolerance = "1"', "tolerance = '1', write a number"),
        (ONE + '[check]\nagainst = "a.csv"\npoints = 1', "called 'points'"),
        ('networks = ["v3=nowhere.pth"]\n[data.mini]\ndata = "mini"', "no weights at nowhere.pth"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path, text, line):
    with pytest.raises(UsageError) as caught:
        read_suite(write(tmp_path, text), {})
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_places_and_tolerances_that_mean_nothing_are_refused(tmp_path):
    with pytest.raises(UsageError, match="for 'x': try mini"):
        read_suite(write(tmp_path, ONE), {"x": "here"})
    with pytest.raises(RunUsageError, match="points of error"):
        read_suite(write(tmp_path, ONE + '[check]\nagainst = "a.csv"\ntolerance = -1'), {})
    with pytest.raises(BenchError, match="mini, rethinking, timm-families come with the program"):
        read_suite("nowhere", {})
