"""Networks with weights from files: their sizes, their outputs, and the classes that these stand for."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from bench.data.classes import class_indices
from bench.errors import UsageError, WeightsError
from bench.zoo import NETWORKS
from bench.zoo.choose_weights import check_names, fetch
from bench.zoo.loading import count_multiply_adds, fitting, load
from bench.zoo.preprocessing import StatedInput
from bench.zoo.providers import blueprint
from crops.normalisation import CAFFE, HALF
from tests.bench.zoo.caffe_files import NEW, caffemodel, random_blobs
from tests.conftest import TINY, random_weights, saved

INCEPTION_V3 = 23_834_568
FACTORISED_STEM = 864 + 9_216 + 18_432 + 2 * 128
SEVEN_BY_SEVEN = INCEPTION_V3 - FACTORISED_STEM + (7 * 7 * 3 * 64 + 2 * 64)
GOOGLENET_INNER = 6_998_552 - 7 * 7 * 3 * 64 - 1024 * 1000 - 7_280 - 1000
PARAMETERS = {  # from the providers' documentation, Caffe's GoogLeNet, or worked out by hand
    "v1": 6_624_904,
    "v1-paper": 6_998_552,
    "v1-separable": 6_998_552 - 7 * 7 * 3 * 64 + (7 * 7 * 24 + 24 * 64),
    # between the first layer and the last, 1.25 times the inputs and 1.25 times the filters
    "v1-wide": round(GOOGLENET_INNER * 1.25**2 + (7 * 7 * 3 * 64 + 1024 * 1000 + 7_280) * 1.25) + 1000,
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
    "ir-v2-paper": 32_433_928,
    "ir-v2": 55_843_464,
    "mini-v1": 303_006,
    "mini-v3": 336_783,
    "mini-v4": 320_102,
    "mini-ir-v2": 310_102,
}


def zero_weights(name, path):
    """Write weights of the network `name` that are all zero, which takes less time than random ones."""
    network = NETWORKS[name]
    state = blueprint(network, network.classes).state_dict()
    return saved({key: torch.zeros_like(value, device="cpu") for key, value in state.items()}, path)


@pytest.mark.parametrize("name", PARAMETERS)
def test_loaded_network_has_the_sizes_of_the_table(name, tmp_path):
    listed = NETWORKS[name]
    loaded = load(name, str(zero_weights(name, tmp_path / "weights.safetensors")))
    size = loaded.preprocessing.size
    assert replace(loaded.network, tags=()) == replace(listed, tags=())
    assert set(loaded.network.tags) == set(listed.tags)
    assert size == listed.input_size
    assert sum(parameter.numel() for parameter in loaded.module.parameters()) == PARAMETERS[name]
    assert listed.parameters == PARAMETERS[name]
    module = loaded.module.to("meta")
    with torch.inference_mode():
        assert module(torch.zeros(1, 3, size, size, device="meta")).shape == (1, loaded.classes)
    assert count_multiply_adds(module, size) == listed.multiply_adds


@pytest.mark.parametrize("name", ["torchvision/regnet_y_400mf", "torchvision/mobilenet_v2", "timm/test_vit"])
def test_network_outside_the_table_loads_by_its_providers_name(name, tmp_path):
    loaded = load(name, str(random_weights(name, tmp_path / "weights.safetensors")))
    assert loaded.network.parameters == sum(parameter.numel() for parameter in loaded.module.parameters())
    assert loaded.network.multiply_adds > 1e6
    assert loaded.network.input_size == loaded.preprocessing.size


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("v33", "v3"),
        ("timm/inceptionv3", "timm/inception_v3"),
        ("torchvision/googlenett", "torchvision/googlenet"),
        ("pytorchcv/bninceptio", "pytorchcv/bninception"),
        ("torchvision/fcn_resnet50", "torchvision/resnet50"),  # which exists, but is not a classifier
    ],
)
def test_unknown_network_suggests_the_nearest(name, near):
    with pytest.raises(UsageError, match=rf"no network '{name}': try .*{near}"):
        load(name, "x.safetensors")


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("v3", "tf_in", "no weights of v3 'tf_in': try tf_in1k, .*, or a file that ends in .safetensors"),
        ("v2", "tf_in1k", "no weights of v2 'tf_in1k': try a file that ends in .safetensors"),
        ("v3.gloun", "x.safetensors", "no weights of v3 'gloun': try gluon_in1k"),
    ],
)
def test_unknown_tag_suggests_the_nearest(name, weights, message):
    with pytest.raises(UsageError, match=message):
        load(name, weights)


def test_names_are_checked_without_fetching_or_building(monkeypatch):
    monkeypatch.setattr("bench.zoo.providers.blueprint", None)
    monkeypatch.setattr("bench.zoo.from_timm.fetch", None)
    check_names("timm/resnet50.a1_in1k", None)
    check_names("timm/resnet50", "a1_in1k")
    check_names("v2", None)
    check_names("v2", "own.pth")
    for name, weights in (("v3.tf", None), ("v3", "tf"), ("timm/inception_v3.tf", None), ("v2.tf", "x.pth")):
        with pytest.raises(UsageError, match=f"no weights of {name.partition('.')[0]} 'tf': try"):
            check_names(name, weights)


def test_names_of_the_table_are_checked_without_a_library(monkeypatch):
    monkeypatch.setattr("bench.zoo.choose_weights.provider_of", None)
    for name, network in NETWORKS.items():
        for tag in network.tags:
            check_names(f"{name}.{tag}", tag)


def test_input_size_that_a_network_does_not_take_is_one_line(tmp_path):
    name = "timm/vit_tiny_patch16_224"
    weights = str(random_weights(name, tmp_path / "weights.safetensors"))
    with pytest.raises(
        UsageError, match=rf"^{name} does not take images of 96 x 96 \(.*: leave out --input-"
    ):
        load(name, weights, stated=StatedInput(size=96))


def test_cost_and_input_are_those_of_the_stated_size(tiny_weights):
    loaded = load(TINY, str(tiny_weights), stated=StatedInput(size=320))
    assert loaded.network.input_size == 320
    assert loaded.network.multiply_adds > 3 * load(TINY, str(tiny_weights)).network.multiply_adds
    assert loaded.restated
    assert not load(TINY, str(tiny_weights), stated=StatedInput(size=160)).restated


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*x\.pth: there is no such file"):
        load("v3", str(tmp_path / "x.pth"))
    with pytest.raises(WeightsError, match="v2 has no public weights: pass --weights FILE"):
        load("v2")
    with pytest.raises(WeightsError, match="v2 has no public weights"):
        fetch("v2", None)


def test_auxiliary_heads_of_torchvisions_checkpoints_are_left_out(tmp_path):
    from torchvision.models import inception_v3

    save_file(inception_v3(init_weights=False).state_dict(), tmp_path / "tv.safetensors")
    assert load("v3", str(tmp_path / "tv.safetensors")).outputs == 1000


def test_file_is_prepared_like_the_tag_behind_the_name(tmp_path):
    path = str(random_weights("v3", tmp_path / "weights.safetensors"))
    plain, gluon = load("v3", path), load("v3.gluon_in1k", path)
    assert (plain.preprocessing.normalisation.mean[0], plain.prepared_like) == (0.5, "v3.tf_in1k")
    assert plain.prepared_otherwise == ("v3.gluon_in1k",)
    assert (gluon.preprocessing.normalisation.mean[0], gluon.prepared_like) == (0.485, "v3.gluon_in1k")


def test_file_of_caffes_names_is_prepared_as_caffe_does(tmp_path):
    path = tmp_path / "bvlc_googlenet.caffemodel"
    path.write_bytes(caffemodel(random_blobs(), NEW))
    loaded = load("v1-paper", str(path))
    assert loaded.preprocessing.normalisation == CAFFE
    assert (loaded.prepared_like, loaded.prepared_otherwise) == ("v1-paper.bvlc", ())


def test_own_training_of_googlenet_is_not_prepared_as_caffe_does(tmp_path):
    path = str(random_weights("v1-paper", tmp_path / "weights.safetensors"))
    own, named = load("v1-paper", path), load("v1-paper.bvlc", path)
    assert (own.preprocessing.normalisation, own.prepared_otherwise) == (HALF, ("v1-paper.bvlc",))
    assert (named.preprocessing.normalisation, named.prepared_otherwise) == (CAFFE, ())


@pytest.mark.parametrize(
    ("outputs", "order", "tench", "kit_fox"),
    [(1000, "wordnet", 0, 278), (1001, "background-first", 1, 279), (1008, "ilsvrc", 449, 1)],
)
def test_number_of_outputs_decides_their_order(tmp_path, outputs, order, tench, kit_fox):
    """Class 0 is the tench, ILSVRC id 449; class 278 is the kit fox, id 1."""
    loaded = load(TINY, str(random_weights(TINY, tmp_path / "weights.safetensors", outputs)))
    assert (loaded.outputs, loaded.order, loaded.classes) == (outputs, order, 1000)
    columns = loaded.columns()
    assert (columns[0], columns[278]) == (tench, kit_fox)
    assert len(set(columns.tolist())) == 1000


def test_label_order_option_decides_the_order_of_1000_outputs(tiny_weights):
    columns = load(TINY, str(tiny_weights), "ilsvrc").columns()
    assert columns[0] == 448
    assert columns[torch.from_numpy(class_indices())].tolist() == list(range(1000))
    with pytest.raises(UsageError, match="has 1000 outputs: too few for --label-order background-first"):
        load(TINY, str(tiny_weights), "background-first")
    with pytest.raises(UsageError, match=r"no label order 'imagenet': try .*, or auto"):
        load(TINY, str(tiny_weights), "imagenet")


@pytest.mark.parametrize("name", [TINY, "mini-v3", "torchvision/mobilenet_v2"])
def test_network_with_classes_of_its_own_has_the_sizes_for_them(name, tmp_path):
    loaded = load(name, str(random_weights(name, tmp_path / "weights.safetensors", 7)))
    assert (loaded.outputs, loaded.order, loaded.classes) == (7, "own", 7)
    assert loaded.network.parameters == sum(parameter.numel() for parameter in loaded.module.parameters())
    assert loaded.network.multiply_adds == count_multiply_adds(loaded.module, loaded.preprocessing.size)


@pytest.mark.parametrize(
    ("name", "outputs", "blueprints"), [("mini-v3", 50, 1), (TINY, 1000, 1), (TINY, 50, 3)]
)
def test_loading_builds_no_more_blueprints_than_it_needs(name, outputs, blueprints, tmp_path, monkeypatch):
    """One where the checkpoint fits it. Else one more to find the head, and one to count its sizes."""
    built = []

    def counted(network, classes):
        built.append(classes)
        return blueprint(network, classes)

    monkeypatch.setattr("bench.zoo.loading.blueprint", counted)
    load(name, str(random_weights(name, tmp_path / "weights.safetensors", outputs)))
    assert len(built) == blueprints


def test_file_fits_the_networks_that_its_names_and_shapes_are_of(tmp_path):
    """With heads of TF-Slim."""
    separable = random_weights("v1-separable", tmp_path / "separable.safetensors", outputs=1001)
    assert fitting(["v1", "v1-paper", "v1-separable"], separable) == ["v1-separable"]
    mini = random_weights("mini-v3", tmp_path / "mini.safetensors")
    assert fitting(["mini-v1", "mini-v3"], mini) == ["mini-v3"]
