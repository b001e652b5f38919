"""Names, weights and outputs of networks."""

import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.data.classes import class_indices
from bench.errors import UsageError, WeightsError
from bench.zoo import NETWORKS, find
from bench.zoo.dense import dense
from bench.zoo.loading import load, multiply_adds, provider_of
from bench.zoo.weights import verify
from tests.conftest import TINY, random_weights

INCEPTION_V3 = 23_834_568
SEVEN_BY_SEVEN = (
    INCEPTION_V3 - (864 + 9_216 + 18_432 + 2 * 128) + (7 * 7 * 3 * 64 + 2 * 64)
)  # one layer in place of three
PARAMETERS = {  # from the providers' documentation, Caffe's GoogLeNet, or worked out by hand
    "v1": 6_624_904,
    "v1-paper": 6_998_552,
    "v1-separable": 6_998_552 - 7 * 7 * 3 * 64 + (7 * 7 * 24 + 24 * 64),
    "bn-v1": 6_998_552 + 7_280,  # a scale beside the shift of each of 7,280 filters
    "bn": 11_295_240,
    "v2": SEVEN_BY_SEVEN,
    "v2-factorised": INCEPTION_V3,
    "v2-bn-aux": SEVEN_BY_SEVEN,
    "v2-all": INCEPTION_V3,
    "v2-151": INCEPTION_V3,
    "v2-79": INCEPTION_V3,
    "v3": INCEPTION_V3,
    "v3-2015": INCEPTION_V3,
    "v4": 42_679_816,
    "ir-v1": 23_995_624,
    "ir-v1-paper": 22_756_328,
    "ir-v2": 55_843_464,
    "mini-v1": 303_006,
    "mini-v3": 336_783,
    "mini-v4": 320_102,
    "mini-ir-v2": 310_102,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_loads_from_a_file_and_is_what_the_table_says(name, tmp_path):
    loaded = load(name, str(random_weights(name, tmp_path / "weights.safetensors")))
    assert replace(loaded.network, tags=()) == replace(NETWORKS[name], tags=())
    assert set(loaded.network.tags) == set(NETWORKS[name].tags)
    assert (
        sum(parameter.numel() for parameter in loaded.module.parameters())
        == PARAMETERS[name]
        == NETWORKS[name].parameters
    )
    assert multiply_adds(loaded.module, loaded.preprocessing.size) == NETWORKS[name].multiply_adds
    assert loaded.preprocessing.size == NETWORKS[name].input_size
    with torch.inference_mode():
        assert loaded.module(
            torch.zeros(1, 3, loaded.preprocessing.size, loaded.preprocessing.size)
        ).shape == (1, loaded.classes)


def test_normalisation_and_interpolation_are_the_weights_own():
    expected = {
        "v1": (0.485, "bilinear"),
        "bn": (0.485, "bilinear"),
        "v3": (0.5, "bicubic"),
        "ir-v2": (0.5, "bicubic"),
    }
    for name, (mean, interpolation) in expected.items():
        network = find(name)
        preprocessing = provider_of(network).preprocessing(network.architecture, network.tags[0])
        assert (preprocessing.normalisation.mean[0], preprocessing.interpolation) == (mean, interpolation)
    network = find("v3")
    assert (
        provider_of(network).preprocessing(network.architecture, "gluon_in1k").normalisation.mean[0] == 0.485
    )


@pytest.mark.parametrize(
    ("name", "near"),
    [("v33", "v3"), ("inception", "v1"), ("timm/inceptionv3", "timm/inception_v3"), ("torchvision/googlenett", "torchvision/googlenet"),
     ("pytorchcv/bninceptio", "pytorchcv/bninception"), ("kaggle/v3", "v3")],
)  # fmt: skip
def test_unknown_names_are_answered_with_the_nearest(name, near):
    with pytest.raises(UsageError, match=f"no network '{name}'.*{near}"):
        load(name, "x.safetensors")


def test_unknown_tags_are_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no weights of v3 'tf_in': try tf_in1k"):
        load("v3", "tf_in")


@pytest.mark.parametrize("ending", [".pth", ".pt"])
def test_checkpoints_in_their_wrappings(tiny_weights, tmp_path, ending):
    state = load_file(tiny_weights)
    wrapped = {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / f"checkpoint{ending}")
    loaded = load(TINY, str(tmp_path / f"checkpoint{ending}"))
    plain = load(TINY, str(tiny_weights))
    assert all(
        torch.equal(a, b)
        for a, b in zip(loaded.module.state_dict().values(), plain.module.state_dict().values(), strict=True)
    )
    assert loaded.weights.sha256 != plain.weights.sha256


def test_auxiliary_heads_of_torchvisions_checkpoints_are_left_out(tmp_path):
    from torchvision.models import inception_v3

    save_file(inception_v3(init_weights=False).state_dict(), tmp_path / "tv.safetensors")
    assert load("v3", str(tmp_path / "tv.safetensors")).outputs == 1000


def test_the_tag_beside_a_name_says_how_a_file_is_prepared_for(tmp_path):
    path = str(random_weights("v3", tmp_path / "weights.safetensors"))
    plain, gluon = load("v3", path), load("v3.gluon_in1k", path)
    assert (plain.preprocessing.normalisation.mean[0], plain.prepared_like) == (0.5, "v3.tf_in1k")
    assert plain.prepared_otherwise == ("v3.gluon_in1k",)
    assert (gluon.preprocessing.normalisation.mean[0], gluon.prepared_like) == (0.485, "v3.gluon_in1k")
    with pytest.raises(UsageError, match="no weights of v3 'gloun': try gluon_in1k"):
        load("v3.gloun", path)


@pytest.mark.parametrize("name", ["torchvision/regnet_y_400mf", "torchvision/mobilenet_v2", "timm/test_vit"])
def test_networks_beside_the_table_load_by_their_providers_name(name, tmp_path):
    assert (
        load(name, str(random_weights(name, tmp_path / "weights.safetensors"))).network.parameters > 300_000
    )


def test_networks_that_are_no_classifiers_are_unknown(tmp_path):
    with pytest.raises(UsageError, match="no network 'torchvision/fcn_resnet50'"):
        load("torchvision/fcn_resnet50", str(tmp_path / "x.pth"))


@pytest.mark.parametrize(
    ("outputs", "order", "tench", "kit_fox"),
    [(1000, "wordnet", 0, 278), (1001, "background-first", 1, 279), (1008, "ilsvrc", 449, 1)],
)
def test_outputs_of_other_orders_are_reduced_to_the_1000_classes(tmp_path, outputs, order, tench, kit_fox):
    loaded = load(TINY, str(random_weights(TINY, tmp_path / "weights.safetensors", outputs)))
    assert (loaded.outputs, loaded.order) == (outputs, order)
    columns = loaded.columns()
    assert (columns[0], columns[278]) == (
        tench,
        kit_fox,
    )  # class 0 is tench, ILSVRC id 449; 278 is kit fox, id 1
    assert len(set(columns.tolist())) == 1000


def test_the_order_of_1000_outputs_can_be_told(tiny_weights):
    columns = load(TINY, str(tiny_weights), "ilsvrc").columns()
    assert columns[0] == 448
    assert columns[torch.from_numpy(class_indices())].tolist() == list(range(1000))
    with pytest.raises(UsageError, match="too few"):
        load(TINY, str(tiny_weights), "background-first")
    with pytest.raises(UsageError, match="no label order 'imagenet'"):
        load(TINY, str(tiny_weights), "imagenet")


def close(ours, theirs):
    """Random weights can give large outputs, so the difference is measured against the largest."""
    return (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("name", [TINY, "bn", "v1", "v3", "torchvision/resnet18"])
def test_a_dense_network_is_the_network_at_each_position(name, tmp_path):
    """With an input of its own size: the network itself. Larger: an average over a window of the map at each place."""
    loaded = load(name, str(random_weights(name, tmp_path / "weights.safetensors")))
    size = loaded.preprocessing.size
    everywhere = dense(loaded.module, loaded.pool, size)
    torch.manual_seed(0)
    with torch.inference_mode():
        single = torch.rand(2, 3, size, size)
        assert close(everywhere(single)[:, 0], loaded.module(single))
        larger = torch.rand(1, 3, size + 64, size + 32)
        maps = []
        handle = loaded.module.get_submodule(loaded.pool).register_forward_pre_hook(
            lambda _, inputs: maps.append(inputs[0])
        )
        loaded.module(single)
        with suppress(RuntimeError):  # of a classifier that takes one place only
            loaded.module(larger)
        handle.remove()
        window = maps[0].shape[-1]
        places = [
            (y, x) for y in range(maps[1].shape[2] - window + 1) for x in range(maps[1].shape[3] - window + 1)
        ]
        assert everywhere(larger).shape == (1, len(places), 1000)
        last = maps[1][
            :, :, -window:, -window:
        ]  # pooled and classified by hand, through the network's own pooling
        replaced = loaded.module.get_submodule(loaded.pool).register_forward_pre_hook(
            lambda _, inputs: (last,)
        )
        by_hand = loaded.module(larger[:, :, :size, :size])
        replaced.remove()
        assert close(everywhere(larger)[:, -1], by_hand)


def test_a_network_without_a_pooling_module_says_so():
    from torchvision.models import mobilenet_v2

    with pytest.raises(UsageError, match=r"MobileNetV2 has no pooling module 'avgpool'.*not possible"):
        dense(mobilenet_v2(), "avgpool", 224)


def test_a_fetched_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    """Names in torch's cache end in the beginning of the sha256, pytorchcv's of the sha1; the hub's blobs are the whole sha256."""
    content = b"weights"
    sha256, sha1 = hashlib.sha256(content).hexdigest(), hashlib.sha1(content).hexdigest()
    (tmp_path / "blobs").mkdir()
    for blob in (sha256, "f" * 64):
        (tmp_path / "blobs" / blob).write_bytes(content)
        (tmp_path / f"model-{blob[0]}.safetensors").symlink_to(tmp_path / "blobs" / blob)
    good = (
        f"googlenet-{sha256[:8]}.pth",
        f"inception_v3-{sha256[:10]}.safetensors",
        f"bninception-0774-{sha1[:8]}.pth",
        "plain.pth",
    )
    bad = ("googlenet-1378be20.pth", "bninception-0774-d79ba5f5.pth")
    for name in (*good, *bad):
        (tmp_path / name).write_bytes(content)
    for name in (*good, f"model-{sha256[0]}.safetensors"):
        verify(tmp_path / name, sha256)
    for name in (*bad, "model-f.safetensors"):
        with pytest.raises(
            WeightsError,
            match=rf"{name} is damaged, its sha256 is {sha256[:8]}.*: delete it, and it is fetched again",
        ):
            verify(tmp_path / name, sha256)
