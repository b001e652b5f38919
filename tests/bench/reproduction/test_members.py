"""Which trainings stand for a paper's networks: the user's files, tags, and public weights."""

import pytest

from bench.errors import UsageError, WeightsError
from bench.reproduction import members
from bench.reproduction.members import RESNETS, Member, public_members, read_members
from tests.conftest import random_weights

WANTED = ("v1", "v3", "resnet-151", "v2:rmsprop")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files A, B and C in the working folder, of which C is the same as A; each fits every network."""
    for name, content in (("A", b"a"), ("B", b"b"), ("C", b"a")):
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(members, "fitting", lambda names, _: list(names))


def read(*words, note=lambda _: None):
    return read_members(words, WANTED, "a table", note)


def test_file_is_run_as_the_network_that_it_fits(tmp_path):
    file = random_weights("v1-separable", tmp_path / "weights.safetensors")
    assert read(f"v1={file}") == {"v1": [Member("v1-separable", str(file))]}


def test_file_that_fits_no_network_names_those_that_were_tried(tmp_path):
    file = random_weights("mini-v1", tmp_path / "weights.safetensors")
    message = "fits none of the networks that stand for v1: v1, v1-paper, v1-separable, v1-wide were tried"
    with pytest.raises(WeightsError, match=message):
        read(f"v1={file}")


def test_file_that_fits_several_networks_is_run_as_the_first_after_a_note(files):
    notes = []
    assert read("v3=A", note=notes.append) == {"v3": [Member("v3", "A")]}
    (line,) = notes
    assert line.startswith("A is run as v3; it fits v2-all and v3-2015 as well")


def test_trainings_of_all_networks_that_stand_for_one_count_for_it(files):
    assert read("v1-paper=A", "v1-separable=B") == {
        "v1": [Member("v1-paper", "A"), Member("v1-separable", "B")]
    }


def test_training_of_one_row_is_loaded_as_its_network(files):
    assert read("v2:rmsprop=A") == {"v2:rmsprop": [Member("v2", "A")]}


def test_public_weights_are_named_by_their_tag():
    assert read("v3=v3.gluon_in1k") == {"v3": [Member("v3", "gluon_in1k")]}
    assert read("v3=v3-2015") == {"v3": [Member("v3-2015", "2015-12-05")]}


def test_resnet_is_the_one_that_the_user_names(files):
    assert read("resnet-151=timm/resnet152.a1_in1k", "resnet-151=torchvision/resnet152") == {
        "resnet-151": [Member("timm/resnet152", "a1_in1k"), Member("torchvision/resnet152", "IMAGENET1K_V2")]
    }
    assert read("resnet-151=A") == {"resnet-151": [Member(RESNETS[0], "A")]}
    assert read("timm/resnet152=A") == {"resnet-151": [Member("timm/resnet152", "A")]}


def test_public_weights_count_once_and_adversarial_ones_are_last():
    assert public_members("v3") == [
        *(Member("v3", tag) for tag in ("tf_in1k", "tv_in1k", "gluon_in1k")),
        Member("v3-2015", "2015-12-05"),
        Member("v3", "tf_adv_in1k"),
    ]
    assert public_members("v2:rmsprop") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["v3"], "--weights v3: write NAME=FILE"),
        (
            ["v3=nowhere"],
            "no weights at nowhere: there is no such file, nor is it NETWORK.TAG with one of v3",
        ),
        (["v3=v4"], "no weights at v4: there is no such file, nor is it NETWORK.TAG with one of v3, v2-all"),
        (["v3=v3.x"], "no weights of v3 'x': try tv_in1k"),
        (["v1=v1-separable"], "v1-separable has no public weights: pass --weights v1=FILE"),
        (["resnet-151=timm/resnet50"], "no weights at timm/resnet50: .* with one of torchvision/resnet152"),
        (
            ["v4=A"],
            "v4=...: a table takes resnet-151, v1, v1-paper, v1-separable, v1-wide, v2:rmsprop, v3, v2-all",
        ),
        (["v3=A", "v2-all=C"], "v2-all=C: the same weights as v3=A"),
        (["v3=v3", "v3=v3.tf_in1k"], "v3=v3.tf_in1k: the same weights as v3=v3"),
    ],
)
def test_weights_that_stand_for_nothing_are_refused(files, words, message):
    with pytest.raises(UsageError, match=message):
        read(*words)
