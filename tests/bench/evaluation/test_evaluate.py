"""Whole evaluations, from options to the run on disk."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from timm.data.transforms_factory import transforms_imagenet_eval as timm_transform
from torchvision.transforms._presets import ImageClassification

import bench
from bench.errors import DataError, UnreadableImage, UsageError
from crops.dialects import caffe, tf_slim
from crops.normalisation import IMAGENET
from results.tables import MEASURED, ROUNDING, accuracy
from tests import independent
from tests.conftest import TINY, drawn, random_weights
from tests.helpers import largest_difference, pooled


def test_four_protocols_equal_an_independent_script(evaluate, photos, tiny_weights):
    """The script does without this project: Pillow, a loop over the 144 crops, timm."""
    run = evaluate(crops="144", renderer="pillow")
    paths = [photos / image_id for shard in run.shards() for image_id in shard.ids]
    expected = independent.evaluate("test_efficientnet", tiny_weights, paths, 160, [183, 206, 229, 251])
    assert run.protocols == ("1", "10", "12", "144")
    for protocol in run.protocols:
        probabilities = pooled(run, protocol)
        assert np.abs(probabilities - expected[protocol]).max() < 1e-6
        assert (probabilities.argmax(1) == expected[protocol].argmax(1)).all()


def test_manifest_has_the_hits_of_the_table(evaluate):
    run = evaluate(crops="10")
    hits = accuracy([run]).set_index("protocol")["top1_hits"].to_dict()
    assert run.manifest.top1_hits == hits


@pytest.mark.parametrize("pool", ["logits", "max"])
def test_pooling_does_not_change_the_single_crop(evaluate, pool):
    mean, other = evaluate(crops="10"), evaluate(crops="10", pool=pool)
    assert largest_difference(mean, other, "1") < 1e-6
    assert largest_difference(mean, other, "10") > 1e-6
    assert pooled(other, "10").sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("width", "how"), [(1, {"renderer": "tensor"}), (2, {"dialect": "timm"})])
def test_border_of_objectnet_changes_no_probability(evaluate, tmp_path, width, how):
    for number, folder in enumerate(("banana", "chair", "banana")):
        image = drawn(90 + 10 * number, 80, number)
        for data, saved in (("plain", image), ("red", ImageOps.expand(image, width, (255, 0, 0)))):
            (tmp_path / data / folder).mkdir(parents=True, exist_ok=True)
            saved.save(tmp_path / data / folder / f"{number}.png")
    plain, red = (evaluate(data=tmp_path / data, classes="objectnet", **how) for data in ("plain", "red"))
    assert plain.path != red.path
    (protocol,) = red.protocols
    assert np.array_equal(pooled(plain, protocol), pooled(red, protocol))
    assert red.manifest.data.objectnet


def test_batch_size_changes_probabilities_by_rounding_only(evaluate, tmp_path):
    """A batch of another size may round otherwise, in the seventh digit; nothing else can differ."""
    one = evaluate(crops="144", batch=7, workers=1, out=tmp_path / "one")
    two = evaluate(crops="144", batch=64, workers=3, out=tmp_path / "two")
    assert max(largest_difference(one, two, protocol) for protocol in one.protocols) < 1e-6


def test_dense_protocol_equals_a_loop_over_positions(evaluate, photos, tiny_weights):
    """The loop: Pillow resizes each image to each scale, and the last feature map is pooled at each place."""
    from torch.nn.functional import avg_pool2d
    from torchvision.transforms.functional import InterpolationMode, normalize, pil_to_tensor, resize

    from bench.zoo.loading import load

    run = evaluate(crops="dense", renderer="pillow", scales="160,200")
    network = load(TINY, str(tiny_weights)).module
    with torch.inference_mode():
        window = network.forward_features(torch.zeros(1, 3, 160, 160)).shape[-1]
        for image_id, row in zip(next(run.shards()).ids, pooled(run, "dense"), strict=True):
            image = Image.open(photos / image_id)
            scores = []
            for scale in (160, 200):
                pixels = pil_to_tensor(resize(image, scale, InterpolationMode.BICUBIC)).float() / 255
                features = avg_pool2d(
                    network.forward_features(normalize(pixels, IMAGENET.mean, IMAGENET.std)[None]), window, 1
                )
                scores.append(network.classifier(features.flatten(2)[0].T).softmax(1).mean(0))
            assert np.abs(torch.stack(scores).mean(0).numpy() - row).max() < 1e-6


def test_lattice_and_dense_can_share_a_pass(evaluate):
    both, lattice, dense = (evaluate(crops=crops) for crops in ("10,dense", "10", "dense"))
    assert both.protocols == ("1", "10", "dense")
    assert largest_difference(both, lattice, "10") < 1e-6
    assert largest_difference(both, dense, "dense") < 1e-6


@pytest.fixture
def factory(tmp_path, tiny_weights):
    """A factory of the network that `evaluate` takes, with its weights."""
    path = tmp_path / "nets.py"
    path.write_text(
        "import timm\n"
        "from safetensors.torch import load_file\n\n"
        "def make():\n"
        f"    module = timm.create_model({TINY.removeprefix('timm/')!r})\n"
        f"    module.load_state_dict(load_file({str(tiny_weights)!r}))\n"
        "    return module\n"
    )
    return f"{path}:make"


def test_one_network_in_four_forms_has_the_same_probabilities(evaluate, factory):
    from bench.zoo.factories import call_factory

    by_name = evaluate(crops="10,dense")
    bare = evaluate(crops="10,dense", model=TINY.removeprefix("timm/"))
    by_factory = evaluate(crops="10,dense", model=factory, weights=None)
    module = call_factory(factory).train()
    by_module = evaluate(crops="10,dense", model=module, weights=None)
    assert bare.path == by_name.path
    assert by_module.path == by_factory.path != by_name.path  # the same class and weights
    assert by_factory.path.name.startswith("nets.py_make-photos-10+dense-")
    for protocol in ("1", "10", "dense"):
        assert largest_difference(by_name, by_factory, protocol) == 0
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_manifest_names_the_class_of_a_module(evaluate, factory):
    from bench.zoo.factories import call_factory

    manifest = evaluate(model=call_factory(factory), weights=None).manifest
    assert manifest.options["model"] == "timm.models.efficientnet.EfficientNet"
    assert (manifest.model.name, manifest.model.provider) == ("EfficientNet", "python")


def test_stated_input_is_what_the_network_gets(evaluate, photos, tiny_weights):
    from bench.zoo.loading import load

    run = evaluate(input_size=128, mean=0.5, std=(0.5, 0.25, 0.5), dialect="timm")
    record = run.manifest.model
    assert (record.input_size, record.mean, record.std) == (128, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))
    transform = timm_transform(128, 0.95, mean=record.mean, std=record.std, interpolation="bicubic")
    network = load(TINY, str(tiny_weights)).module
    for image_id, row in zip(next(run.shards()).ids, pooled(run, "1/timm"), strict=True):
        with Image.open(photos / image_id) as image, torch.inference_mode():
            expected = network(transform(image)[None]).softmax(1)[0].numpy()
        assert np.abs(row - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preprocessing": {"input_size": (3, 64, 64)}}, "preprocessing is for a module: for timm/test_eff"),
        ({"model": torch.nn.Identity()}, "weights and ema are for a model that is named: a module has its"),
        (
            {"model": torch.nn.Identity(), "weights": None},
            "Identity does not say all of its input: pass --in",
        ),
        ({"input_size": 15}, "--input-size 15: write a number of pixels from 16"),
    ],
)
def test_module_and_options_that_do_not_fit_are_refused(evaluate, options, message):
    with pytest.raises(UsageError, match=message):
        evaluate(**options)


DIALECTS = {
    "timm": lambda image: timm_transform(
        160, 0.95, mean=IMAGENET.mean, std=IMAGENET.std, interpolation="bicubic"
    )(image),
    "torchvision": lambda image: ImageClassification(crop_size=160, resize_size=183, antialias=True)(image),
    "tf-slim": lambda image: torch.from_numpy(tf_slim(np.asarray(image), 160)).permute(2, 0, 1) / 127.5 - 1,
    "caffe": lambda image: (
        torch.from_numpy(caffe(np.asarray(image), 160, 183)).permute(2, 0, 1).flip(0)
        - torch.tensor([[[104.0]], [[117.0]], [[123.0]]])
    ),
}
"""The single crop by the tools' own code; TF-Slim's and Caffe's are not in Python, so they are by this
project's, which has tests of its own.
"""


def test_native_crop_equals_timms_own_transform(evaluate, photos, tiny_weights):
    from bench.zoo.loading import load

    run = evaluate(crops="native")
    assert run.manifest.plan.renderer == "pillow"
    network = load(TINY, str(tiny_weights)).module
    for image_id, row in zip(next(run.shards()).ids, pooled(run, "native"), strict=True):
        with Image.open(photos / image_id) as image, torch.inference_mode():
            expected = network(DIALECTS["timm"](image)[None].float()).softmax(1)[0].numpy()
        assert np.abs(row - expected).max() < 1e-6


def test_native_crop_beside_others_changes_none_of_them(evaluate):
    both, alone, others = (
        evaluate(crops=crops, renderer="pillow") for crops in ("native,10", "native", "10")
    )
    assert both.protocols == ("native", "1", "10")
    assert largest_difference(both, alone, "native") < 1e-6
    assert largest_difference(both, others, "1") < 1e-6
    assert largest_difference(both, others, "10") < 1e-6
    assert largest_difference(both, evaluate(crops="native,10"), "native") < 1e-3  # by the fast renderer


@pytest.mark.parametrize("name", DIALECTS)
def test_dialect_equals_the_tools_own_transform(evaluate, photos, tiny_weights, name):
    from bench.zoo.loading import load

    run = evaluate(dialect=name)
    assert run.protocols == (f"1/{name}",)
    assert run.manifest.plan.renderer == "pillow"
    network = load(TINY, str(tiny_weights)).module
    for image_id, row in zip(next(run.shards()).ids, pooled(run, f"1/{name}"), strict=True):
        with Image.open(photos / image_id) as image, torch.inference_mode():
            expected = network(DIALECTS[name](image)[None].float()).softmax(1)[0].numpy()
        assert np.abs(row - expected).max() < 1e-4


@pytest.fixture(scope="module")
def mini_v3(tmp_path_factory):
    """A run of mini-v3 on 50 images with 12 crops."""
    return bench.evaluate(limit=50, crops="12", out=tmp_path_factory.mktemp("mini-v3"))


@pytest.mark.parametrize(
    ("options", "shard"),
    [
        ({"batch": 1}, 341),
        ({"batch": 300}, 341),
        ({"workers": 1}, 341),
        ({"workers": 5}, 341),
        ({}, 7),
        ({"batch": 13, "workers": 3}, 40),
    ],
)
def test_table_does_not_depend_on_batch_shard_or_workers(mini_v3, tmp_path, monkeypatch, options, shard):
    """Other batches round by 1e-6, to which no image of these is so near. Workers change no bit."""
    monkeypatch.setattr("bench.evaluation.engine.SHARD_IMAGES", shard)
    other = bench.evaluate(limit=50, crops="12", out=tmp_path, **options)
    assert len(other.parts) == -(-50 // min(shard, 50))
    assert accuracy([other])[list(MEASURED)].equals(accuracy([mini_v3])[list(MEASURED)])
    assert not accuracy([other])[["top1_near", "top5_near"]].to_numpy().any()
    difference = max(largest_difference(mini_v3, other, protocol) for protocol in mini_v3.protocols)
    assert difference < ROUNDING["fp32"] / 2
    assert difference == 0 or list(options) != ["workers"]


def test_python_accepts_paths_numbers_and_lists(evaluate, photos, tmp_path):
    run = evaluate(data=photos, crops=10, scales=[190], out=str(tmp_path / "elsewhere"))
    assert run.manifest.plan.protocols["10"].scales == (190,)
    assert run.path.parent == tmp_path / "elsewhere"


def test_precision_is_recorded(evaluate):
    run = evaluate(precision="bf16")
    assert run.manifest.runtime.precision == "bf16"
    assert 0 < largest_difference(run, evaluate(), "1") < 0.1


def test_unreadable_image_ends_the_run_unless_skipped(evaluate, photos):
    (photos / "n01440764" / "broken.JPEG").write_text("not a picture")
    with pytest.raises(
        UnreadableImage,
        match=r"n01440764/broken.JPEG in .*photos: this is not an image of a known format; repair it, or",
    ):
        evaluate()
    run = evaluate(skip_unreadable=True)
    assert run.skipped == {"n01440764/broken.JPEG": "this is not an image of a known format"}
    assert accuracy([run])["n"].tolist() == [6]
    with pytest.raises(UnreadableImage):  # what was accepted once is not accepted for ever
        evaluate()
    assert evaluate(skip_unreadable=True).path == run.path


def test_images_of_all_kinds_are_evaluated(evaluate, photos):
    place = photos / "n01440764"
    drawn(80, 60).convert("CMYK").save(place / "cmyk.JPEG")
    drawn(80, 60).save(place / "png.JPEG", "PNG")
    drawn(80, 60).convert("L").save(place / "grey.JPEG")
    drawn(1, 1).save(place / "one.JPEG")
    drawn(20_000, 40).save(place / "wide.JPEG")
    run = evaluate(crops="144")
    assert accuracy([run])["n"].iloc[0] == 11
    assert all(np.isfinite(pooled(run, protocol)).all() for protocol in run.protocols)


def test_image_too_thin_to_resize_is_unreadable(evaluate, photos):
    drawn(20_000, 1).save(photos / "n01440764" / "thin.png")
    with pytest.raises(UnreadableImage, match=r"thin.png.*20000 x 1 pixels would be 3,660,000 x 183"):
        evaluate()


def test_data_set_with_its_own_classes(evaluate, photos, tmp_path):
    """Named in a classes.txt, as folders or label files have them; then a network has as many outputs."""
    names = ["dog", "n01484850", "cat"]
    (photos / "n01440764").rename(photos / "cat")
    (photos / "n01443537").rename(photos / "dog")
    few = random_weights(TINY, tmp_path / "few.safetensors", 3)
    with pytest.raises(
        DataError, match=r"has WordNet folders, but cat/photo0.JPEG and 3 more are not in one"
    ):
        evaluate(weights=few)
    (photos / "classes.txt").write_text("\n".join(names))
    run = evaluate(weights=few)
    assert [names[label] for label in next(run.shards()).labels] == [
        "cat",
        "cat",
        "dog",
        "dog",
        "n01484850",
        "n01484850",
    ]
    assert pooled(run, "1").shape == (6, 3)
    assert run.manifest.data.classes == tuple(names)
    assert run.manifest.model.label_order == "own"
    with pytest.raises(
        UsageError, match=r"predicts 1,000 classes, but .*photos has 3: choose another --model"
    ):
        evaluate()
