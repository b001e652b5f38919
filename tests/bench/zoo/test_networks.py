"""The table of networks, and names that are not in it."""

import sys

import pytest

from bench.errors import UsageError
from bench.zoo import NETWORKS, find
from bench.zoo.networks import table_network
from bench.zoo.providers import provider_of


def test_table_has_every_network_of_the_papers():
    wanted = (
        "v1 bn-v1 bn v2 v2-factorised v2-bn-aux v2-all v2-151 v2-79 v3 v3-2015 v4 "
        "ir-v1 ir-v1-paper ir-v2 ir-v2-paper"
    )
    assert set(wanted.split()) <= NETWORKS.keys()


def test_tag_behind_a_name_comes_first():
    assert find("v3.tv_in1k").tags == ("tv_in1k", "tf_in1k", "tf_adv_in1k", "gluon_in1k")
    assert find("v3.other").tags[0] == "other"
    assert find("timm/resnet50").tags == ()


def test_networks_that_most_people_look_for_come_first():
    names = list(NETWORKS)
    assert names[:6] == ["v3", "v4", "ir-v1", "ir-v2", "v1", "bn"]
    variants = [network.name for network in NETWORKS.values() if network.variant_of]
    assert names[-len(variants) :] == variants
    assert names[: -len(variants)][-4:] == ["mini-v1", "mini-v3", "mini-v4", "mini-ir-v2"]


def test_table_has_the_variants_of_every_experiment():
    wanted = (
        "v2-linear v3-pool-first v3-pool-last v1-one-head v2-dropout-aux v1-fc v2-151-naive v2-79-naive "
        "ir-v2-unscaled bn-v1-sigmoid mini-v3-linear mini-v3-pool-first mini-v3-pool-last mini-v1-two-heads "
        "mini-v1-one-head mini-v3-aux mini-v3-bn-aux mini-v3-dropout-aux mini-v1-fc mini-v3-fine mini-v3-160 "
        "mini-ir-v2-unscaled mini-ir-v2-wide mini-ir-v2-wide-unscaled mini-v1-plain mini-v1-sigmoid"
    )
    variants = {network.name: network for network in NETWORKS.values() if network.variant_of}
    assert set(wanted.split()) == variants.keys()
    assert {network.variant_of for network in variants.values()} <= NETWORKS.keys()
    assert not any(network.tags for network in variants.values())


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("v33", "v3"),
        ("Inception_V3", "v3, timm/inception_v3, torchvision/inception_v3"),
        ("Inception_V4", "v4, timm/inception_v4"),
        ("googlenett", "v1, v1-paper, torchvision/googlenet"),
        ("resnet5O", "timm/resnet50, torchvision/resnet50, pytorchcv/resnet50"),
        ("kaggle/v3", "v3"),
        ("timm/", "v3, v4, ir-v1, ir-v2, v1, bn, v2, v2-factorised"),
    ],
)
def test_unknown_name_suggests_the_nearest_of_all_providers(name, nearest):
    with pytest.raises(UsageError, match=f"no network '{name}': try {nearest}.*, or PROVIDER/NAME with timm"):
        find(name)


@pytest.mark.parametrize(
    ("name", "found", "tags"),
    [
        ("resnet50", "timm/resnet50", ()),
        ("resnet50.a1_in1k", "timm/resnet50", ("a1_in1k",)),
        ("googlenet", "torchvision/googlenet", ()),
        ("bninception", "pytorchcv/bninception", ()),
        ("v3", "v3", NETWORKS["v3"].tags),
    ],
)
def test_bare_name_is_the_first_providers_that_has_it(name, found, tags):
    network = find(name)
    assert (network.name, network.tags) == (found, tags)
    assert network.provider == found.partition("/")[0] or found in NETWORKS


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("nets.py:make", "python"),
        ("../my nets/nets.py:make", "python"),
        ("package.module:make", "python"),
        ("folder/net.onnx", "onnx"),
        ("v3.onnx", "onnx"),
        ("hf-hub:timm/resnet50.a1_in1k", "timm"),
        ("hf-hub:org/net@v1.0", "timm"),
    ],
)
def test_networks_of_the_users_own_are_told_by_their_names(monkeypatch, name, provider):
    monkeypatch.setattr("bench.zoo.networks._names_at", None)  # and no library is imported for that
    assert (find(name).name, find(name).provider) == (name, provider)
    assert find(name).is_known_once_loaded


@pytest.mark.parametrize("name", ["hf-hub:resnet50", "hf-hub:", "hf-hub:a/b/c", "hf-hub:../b", "hf-hub:a/b@"])
def test_name_that_is_no_repository_is_refused(name):
    with pytest.raises(UsageError, match=f"^no network '{name}': write hf-hub:ORG/NAME"):
        find(name)


@pytest.mark.parametrize("name", ["hf://org/net", "nets.py:", ":make", "C:\\net", "nets.py:make()"])
def test_what_only_looks_like_a_factory_is_no_network(name):
    with pytest.raises(UsageError, match="no network"):
        find(name)


def test_network_of_the_users_own_is_not_built_anew():
    with pytest.raises(UsageError, match=r"^net\.onnx is a network with its weights: take one that can be"):
        provider_of(find("net.onnx"))


def test_unknown_name_suggests_those_of_installed_providers(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorchcv.model_provider", None)
    monkeypatch.delitem(sys.modules, "bench.zoo.from_pytorchcv", raising=False)
    with pytest.raises(UsageError, match=r"try timm/resnet50, torchvision/resnet50, timm/"):
        find("resnet5O")


def test_known_names_need_no_library(monkeypatch):
    monkeypatch.setattr("bench.zoo.networks._names_at", None)
    assert [find(name).name for name in NETWORKS] == list(NETWORKS)
    assert find("v3.gluon_in1k").name == "v3"


def test_name_outside_the_table_suggests_the_nearest_in_it():
    with pytest.raises(UsageError, match=r"^no network of the table 'v33': try v3$"):
        table_network("v33")
