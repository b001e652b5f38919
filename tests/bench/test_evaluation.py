"""Whole evaluations, from options to the run on disk."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.transforms_factory import transforms_imagenet_eval as timm_transform
from torchvision.transforms._presets import ImageClassification

import bench
from bench.errors import DataError, ImplausibleLabels, UnreadableImage, UsageError
from crops.dialects import IMAGENET, caffe, tf_slim
from results.tables import MEASURED, ROUNDING, accuracy, predictions
from tests import independent
from tests.conftest import TINY, drawn, random_weights


@pytest.fixture
def evaluate(tiny_weights, photos, tmp_path):
    """`bench.evaluate` with the small network on the small pictures, unless said otherwise."""

    def run(**options):
        defaults = {
            "model": TINY,
            "weights": str(tiny_weights),
            "data": str(photos),
            "out": tmp_path / "runs",
        }
        return bench.evaluate(**(defaults | options))

    return run


def pooled(run):
    """{protocol: [images x classes]} of a run."""
    shards = list(run.shards())
    return {name: np.concatenate([shard.probabilities[name] for shard in shards]) for name in run.protocols}


def test_four_protocols_of_one_pass_are_an_independent_scripts(evaluate, photos, tiny_weights):
    """The script does without this project: Pillow, a loop over the 144 crops, timm."""
    run = evaluate(crops="144", renderer="pillow")
    paths = [photos / image_id for shard in run.shards() for image_id in shard.ids]
    expected = independent.evaluate("test_efficientnet", tiny_weights, paths, 160, [183, 206, 229, 251])
    ours = pooled(run)
    assert list(ours) == ["1", "10", "12", "144"]
    for protocol, probabilities in ours.items():
        assert np.abs(probabilities - expected[protocol]).max() < 1e-6
        assert (probabilities.argmax(1) == expected[protocol].argmax(1)).all()


def test_real_images_and_real_weights(evaluate, shared, lite0):
    """Four photographs: the reference renderer against the script, and the fast renderer against the reference."""
    data = shared / "data" / "imagenet-sample"
    options = {
        "model": "timm/tf_efficientnet_lite0",
        "weights": str(lite0),
        "data": str(data),
        "crops": "1,10,12,144",
        "limit": 4,
    }
    reference, fast = evaluate(renderer="pillow", **options), evaluate(**options)
    paths = sorted(data.glob("*/*.JPEG"))[:4]
    expected = independent.evaluate("tf_efficientnet_lite0", lite0, paths, 224, [256, 288, 320, 352])
    labels = next(reference.shards()).labels
    for protocol, probabilities in pooled(reference).items():
        assert np.abs(probabilities - expected[protocol]).max() < 1e-4
        assert (np.argsort(-probabilities)[:, :5] == np.argsort(-expected[protocol])[:, :5]).all()
        theirs = pooled(fast)[protocol]
        assert (theirs.argmax(1) == probabilities.argmax(1)).all()
        rows = np.arange(4)
        assert np.abs(theirs[rows, labels] - probabilities[rows, labels]).mean() < 0.003
        assert (probabilities.argmax(1) == labels).mean() > 0.6


@pytest.mark.parametrize("pool", ["logits", "max"])
def test_other_poolings_keep_the_single_crop(evaluate, pool):
    mean, other = pooled(evaluate(crops="10")), pooled(evaluate(crops="10", pool=pool))
    assert np.abs(mean["1"] - other["1"]).max() < 1e-6
    assert np.abs(mean["10"] - other["10"]).max() > 1e-6
    assert other["10"].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_batches_and_workers_change_no_prediction(evaluate, tmp_path):
    """A batch of another size may round otherwise, in the seventh digit; nothing else can differ."""
    one = pooled(evaluate(crops="144", batch=7, workers=1, out=tmp_path / "one"))
    two = pooled(evaluate(crops="144", batch=64, workers=3, out=tmp_path / "two"))
    for protocol in one:
        assert np.abs(one[protocol] - two[protocol]).max() < 1e-6


def test_the_dense_protocol_on_images_of_all_shapes(evaluate, photos, tiny_weights):
    """Against a loop: each image resized by Pillow to each scale, the network's last map pooled at each place."""
    from torch.nn.functional import avg_pool2d
    from torchvision.transforms.functional import InterpolationMode, normalize, pil_to_tensor, resize

    from bench.zoo.loading import load

    run = evaluate(crops="dense", renderer="pillow", scales="160,200")
    network = load(TINY, str(tiny_weights)).module
    with torch.inference_mode():
        window = network.forward_features(torch.zeros(1, 3, 160, 160)).shape[-1]
        for image_id, row in zip(next(run.shards()).ids, pooled(run)["dense"], strict=True):
            image = Image.open(photos / image_id)
            scores = []
            for scale in (160, 200):
                pixels = pil_to_tensor(resize(image, scale, InterpolationMode.BICUBIC)).float() / 255
                features = avg_pool2d(
                    network.forward_features(normalize(pixels, IMAGENET.mean, IMAGENET.std)[None]), window, 1
                )
                scores.append(network.classifier(features.flatten(2)[0].T).softmax(1).mean(0))
            assert np.abs(torch.stack(scores).mean(0).numpy() - row).max() < 1e-6


def test_lattice_and_dense_in_one_pass(evaluate):
    both, lattice, dense = (pooled(evaluate(crops=crops)) for crops in ("10,dense", "10", "dense"))
    assert list(both) == ["1", "10", "dense"]
    assert np.abs(both["10"] - lattice["10"]).max() < 1e-6
    assert np.abs(both["dense"] - dense["dense"]).max() < 1e-6


DIALECTS = {  # the single crop by the tools' own code or, for the two that are not in Python, by this project's tested one
    "timm": lambda image: timm_transform(
        160, 0.95, mean=IMAGENET.mean, std=IMAGENET.std, interpolation="bicubic"
    )(image),
    "torchvision": lambda image: ImageClassification(crop_size=160, resize_size=183, antialias=True)(image),
    "tf-slim": lambda image: torch.from_numpy(tf_slim(np.asarray(image), 160)).permute(2, 0, 1) / 127.5 - 1,
    "caffe": lambda image: (
        torch.from_numpy(caffe(np.asarray(image), 160, 183)).permute(2, 0, 1).flip(0) - torch.tensor(BGR)
    ),
}
BGR = [[[104.0]], [[117.0]], [[123.0]]]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_one_protocol_with_its_own_pixels_and_normalisation(
    evaluate, photos, tiny_weights, name
):
    from bench.zoo.loading import load

    run = evaluate(dialect=name)
    assert run.protocols == (f"1/{name}",)
    assert run.manifest["plan"]["renderer"] == "pillow"
    network = load(TINY, str(tiny_weights)).module
    for image_id, row in zip(next(run.shards()).ids, pooled(run)[f"1/{name}"], strict=True):
        with Image.open(photos / image_id) as image, torch.inference_mode():
            expected = network(DIALECTS[name](image)[None].float()).softmax(1)[0].numpy()
        assert np.abs(row - expected).max() < 1e-4


def test_the_manifest_says_what_was_run(evaluate, tiny_weights, photos):
    import hashlib

    manifest = evaluate(crops="12", batch=5).manifest
    assert manifest["model"]["weights_sha256"] == hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    assert manifest["plan"]["protocols"]["12"]["scales"] == [183]
    assert manifest["plan"]["interpolation"] == "bicubic"
    assert manifest["runtime"]["batch"] == 5
    assert manifest["runtime"]["precision"] == "fp32"
    assert manifest["options"] == {
        "model": TINY,
        "weights": str(tiny_weights),
        "data": str(photos),
        "crops": "12",
        "batch": 5,
        "out": manifest["options"]["out"],
    }
    assert manifest["environments"][0]["torch"] == torch.__version__.partition("+")[0]
    assert manifest["data"]["labels"] == "WordNet folders"
    assert [shard["images"] for shard in manifest["shards"]] == [6]


def test_the_same_call_reuses_a_finished_run(evaluate):
    first = evaluate(crops="10")
    again = evaluate(crops="10", batch=3, workers=1)
    assert again.path == first.path
    assert again.manifest == first.manifest
    assert evaluate(crops="10", pool="max").path != first.path


def test_fresh_starts_anew(evaluate):
    first = evaluate(crops="10")
    shard = first.shard_path(first.parts[0])
    before = shard.stat().st_mtime_ns
    assert evaluate(crops="10").path == first.path
    assert shard.stat().st_mtime_ns == before
    evaluate(crops="10", fresh=True)
    assert shard.stat().st_mtime_ns > before


def test_a_run_goes_on_with_another_copy_of_the_images(evaluate, photos, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    assert evaluate(crops="10", data=tmp_path / "photos.tar").path == evaluate(crops="1,10").path


def test_labels_are_judged_again_when_the_command_is_typed_again(evaluate, tmp_path):
    folder = tmp_path / "many" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(201):
        drawn(24, 24, number).save(folder / f"{number}.jpg")
    for _ in range(3):
        with pytest.raises(ImplausibleLabels, match="0 of 201 images are right"):
            evaluate(data=str(folder.parent))
    evaluate(data=str(folder.parent), allow_implausible=True)
    with pytest.raises(ImplausibleLabels):
        evaluate(data=str(folder.parent))


@pytest.mark.parametrize("spoil", ["delete", "damage"])
def test_what_is_lost_of_a_finished_run_is_made_again(evaluate, spoil):
    run = evaluate(crops="10")
    path = run.shard_path(run.parts[0])
    data = path.read_bytes()
    if spoil == "delete":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert evaluate(crops="10").path == run.path
    assert path.read_bytes() == data


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_says_the_same(evaluate):
    """Compilation may round otherwise; the last batch, which is not full, loses or adds no crop."""
    plain, compiled = (
        pooled(evaluate(crops="10", batch=8)),
        pooled(evaluate(crops="10", batch=8, compile=True)),
    )
    for protocol in plain:
        assert np.abs(plain[protocol] - compiled[protocol]).max() < 1e-4


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
def test_the_table_is_the_same_whatever_the_batch_the_shards_and_the_workers(
    evaluate, tmp_path, monkeypatch, options, shard
):
    """Other batches round otherwise, by 1e-6 as measured, and no image is so near to a border. Workers change no bit."""
    mini = {"model": "mini-v3", "weights": None, "data": "mini", "limit": 120, "crops": "12"}
    usual = evaluate(**mini)
    monkeypatch.setattr("bench.evaluation.engine.SHARD_IMAGES", shard)
    other = evaluate(**mini, **options, out=tmp_path / "other")
    assert len(other.parts) == -(-120 // min(shard, 120))
    assert accuracy([other])[list(MEASURED)].equals(accuracy([usual])[list(MEASURED)])
    assert not accuracy([other])[["top1_near", "top5_near"]].to_numpy().any()
    most = max(
        np.abs(probabilities - pooled(usual)[name]).max() for name, probabilities in pooled(other).items()
    )
    assert most < ROUNDING["fp32"] / 2
    assert most == 0 or list(options) != ["workers"]


def test_a_repaired_image_is_read_again(evaluate, photos):
    path = photos / "n01440764" / "photo0.JPEG"
    good = path.read_bytes()
    path.write_bytes(bytes(len(good)))
    assert len(evaluate(skip_unreadable=True).skipped) == 1
    path.write_bytes(good)
    run = evaluate()
    assert run.skipped == {}
    assert accuracy([run])["n"].tolist() == [6, 6]


def test_nothing_readable_is_an_error(evaluate, photos):
    for path in photos.glob("*/*.JPEG"):
        path.write_text("x")
    with pytest.raises(DataError, match=r"none of the 6 images in .* could be read: this is not an image"):
        evaluate(skip_unreadable=True)


def test_python_callers_may_write_what_comes_naturally(evaluate, photos, tmp_path):
    run = evaluate(data=photos, crops=10, scales=[190], out=str(tmp_path / "elsewhere"))
    assert run.manifest["plan"]["protocols"]["10"]["scales"] == [190]
    assert run.path.parent == tmp_path / "elsewhere"


def test_versions_that_change_in_the_middle_are_recorded(evaluate, monkeypatch):
    from bench.evaluation import run_folder as record

    run = evaluate()
    monkeypatch.setattr(record, "environment", lambda: {"torch": "another"})
    assert len(evaluate().manifest["environments"]) == 1  # nothing was made
    run.shard_path(run.parts[0]).unlink()
    assert [environment["torch"] for environment in evaluate().manifest["environments"]] == [
        torch.__version__.partition("+")[0],
        "another",
    ]


def test_a_changed_image_is_another_run(evaluate, photos):
    first = evaluate()
    drawn(90, 90).save(next(photos.glob("*/*.JPEG")))
    assert evaluate().path != first.path


@pytest.mark.parametrize("precision", ["bf16"])
def test_half_precision_runs_and_is_recorded(evaluate, precision):
    run = evaluate(precision=precision)
    assert run.manifest["runtime"]["precision"] == precision
    assert 0 < np.abs(pooled(run)["1"] - pooled(evaluate())["1"]).max() < 0.1


def test_labels_that_cannot_be_right_stop_the_run(evaluate, tmp_path):
    folder = tmp_path / "many" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(220):
        drawn(24, 24, number).save(folder / f"{number}.jpg")
    options = {"data": str(folder.parent), "limit": 210}
    with pytest.raises(ImplausibleLabels, match="0 of 210 images are right, which is chance"):
        evaluate(**options)
    run = evaluate(**options, allow_implausible=True)
    assert accuracy([run])["n"].tolist() == [210, 210]


def test_both_image_sets(evaluate, shared):
    """Six of the 200 real validation images are on the blacklist."""
    options = {"data": str(shared / "data" / "ilsvrc-val"), "allow_implausible": True}
    alone = evaluate(**options)
    assert accuracy([alone])["n"].tolist() == [200]
    both = evaluate(**options, blacklist=shared / "facts" / "blacklist.txt")
    assert both.path == alone.path  # noted in the finished run, not evaluated again
    assert accuracy([both])[["image_set", "n"]].to_numpy().tolist() == [
        ["all", 200],
        ["non-blacklisted", 194],
    ]
    frame = predictions(both, "1")
    listed = {int(line) for line in (shared / "facts" / "blacklist.txt").read_text().split()}
    kept = frame[[int(name[-8:]) not in listed for name in frame["image"]]]
    assert accuracy([both])["top1_hits"].tolist() == [
        (frame.top1 == frame.label).sum(),
        (kept.top1 == kept.label).sum(),
    ]


def test_an_unreadable_image_ends_the_run_unless_it_may_be_left_out(evaluate, photos):
    (photos / "n01440764" / "broken.JPEG").write_text("not a picture")
    with pytest.raises(
        UnreadableImage, match=r"n01440764/broken.JPEG in .*photos: this is not an image; repair it, or"
    ):
        evaluate()
    run = evaluate(skip_unreadable=True)
    assert run.skipped == {"n01440764/broken.JPEG": "this is not an image"}
    assert accuracy([run])["n"].tolist() == [6, 6]
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
    assert all(np.isfinite(rows).all() for rows in pooled(run).values())


def test_an_image_too_thin_to_resize_is_unreadable(evaluate, photos):
    drawn(20_000, 1).save(photos / "n01440764" / "thin.png")
    with pytest.raises(UnreadableImage, match=r"thin.png.*20000 x 1 pixels would become 3,660,000 x 183"):
        evaluate()


def test_a_data_set_may_have_classes_of_its_own(evaluate, photos, tmp_path):
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
    assert pooled(run)["1"].shape == (6, 3)
    assert run.manifest["data"]["classes"] == names
    assert run.manifest["model"]["label_order"] == "own"
    with pytest.raises(
        UsageError, match=r"tells 1,000 classes apart, and .*photos has 3: choose another --model"
    ):
        evaluate()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "median"}, "no pool 'median': try"),
        ({"dialect": "keras"}, "no dialect 'keras'"),
        ({"interpolation": "lanczos"}, "no interpolation 'lanczos'"),
        ({"renderer": "opencv"}, "no renderer 'opencv'"),
        ({"dialect": "timm", "crops": "10"}, "settles crop and resampling"),
        ({"dialect": "timm", "renderer": "tensor"}, "a dialect is rendered by pillow"),
        ({"dialect": "caffe", "pool": "max"}, "settles crop and resampling"),
        ({"shuffle_seed": -1, "limit": 2}, "a number from 0"),
        ({"scales": "100000"}, "too many"),
        ({"device": "meta"}, "cannot be used here"),
        ({"shuffle_seed": 1}, "pass both"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"precision": "fp8"}, "no precision 'fp8'"),
        ({"batch": 0}, "--batch 0: at least 1"),
        ({"limit": 0}, "--limit 0: at least 1"),
        ({"workers": -1}, "--workers -1: at least 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(evaluate, options, message):
    with pytest.raises(UsageError, match=message):
        evaluate(**options)


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, tiny_weights):
    """Peak memory of one process over 100 and over 400 images, the same picture under other names."""
    picture = tmp_path / "picture.jpg"
    drawn(500, 375).save(picture)

    def peak(count):
        folder = tmp_path / str(count) / "n01440764"
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number}.jpg").hardlink_to(picture)
        script = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
import bench
from bench.evaluation import engine
engine.SHARD_IMAGES = 50
out = Path({str(tmp_path / "runs")!r})
bench.evaluate(model={TINY!r}, weights={str(tiny_weights)!r}, data={str(folder.parent)!r}, crops="10", out=out, allow_implausible=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
        return int(
            subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        )

    assert peak(400) < 1.05 * peak(100)


def test_the_python_interface_is_small():
    assert bench.__all__ == ["evaluate"]
    with pytest.raises(AttributeError, match="no attribute 'evaluates'"):
        _ = bench.evaluates


def test_json_of_a_manifest_is_plain(evaluate):
    run = evaluate()
    stated = json.loads((run.path / "manifest.json").read_text())
    assert len(stated.pop("sha256")) == 64
    assert stated == run.manifest
