"""Figures of public weights, against what was typed from their sources."""

import csv
import re
from collections import Counter
from functools import cache
from importlib.metadata import metadata
from importlib.util import find_spec
from math import floor, isnan
from pathlib import Path

import pytest

from results import published
from results.published import Figure, measured
from results.published.measured import LIBRARIES, SETS, data_set, figures_of, of_weights, spread
from results.published.rows import rows_of

FOLDER = Path(published.__file__).parent


@cache
def every_figure():
    return [row for name in measured.names() for row in figures_of(name)]


ACCURACIES = [  # as the sources print them: (weights, crop, set), top-1 and top-5 accuracy
    (("timm/inception_v3.tf_in1k", "native", "validation"), 77.866, 93.644),
    (("timm/inception_v3.tf_in1k", "native", "real"), 84.136, 95.916),
    (("timm/inception_v3.tf_in1k", "native", "a"), 10.853, 36.693),
    (("timm/inception_v3.tf_in1k", "native", "r"), 39.377, 54.350),
    (("timm/inception_v3.tf_in1k", "native", "sketch"), 27.782, 45.711),
    (("timm/resnet50.a1_in1k", "native", "validation"), 81.240, 95.112),
    (("timm/resnet50.a1_in1k", "native", "r-clean"), 94.310, 98.920),
    (("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", "native", "a-clean"), 97.160, 99.540),
    (("timm/efficientnet_b0.ra_in1k", "native", "v2-mf"), 66.150, 86.120),
    (("timm/eva02_large_patch14_448.mim_m38m_ft_in22k_in1k", "native", "validation"), 90.056, 99.054),
    (("torchvision/resnet50.IMAGENET1K_V2", "native", "validation"), 80.858, 95.434),
    (("torchvision/vit_h_14.IMAGENET1K_SWAG_E2E_V1", "native", "validation"), 88.552, 98.694),
]

ERRORS = [  # of sources that print errors
    (("pytorchcv/resnet50.osmr", "native", "validation"), 22.28, 6.33),
    (("pytorchcv/inceptionv4.osmr", "native", "validation"), 19.83, 4.88),
    (("papers/googlenet.bvlc", "1/caffe", "validation"), 31.3, 11.1),
    (("papers/googlenet.bvlc", "1", "validation"), 31.3, 11.1),
    (("papers/googlenet.bvlc", "10", "validation"), 30.224, 10.246),
    (("timm/inception_v4.tf_in1k", "10", "validation"), 18.308, 4.206),
    (("timm/inception_v4.tf_in1k", "1/tf-slim", "validation"), 19.8, 4.8),
    (("timm/inception_v4.tf_in1k", "12", "validation"), 18.60, 4.30),
]


@pytest.mark.parametrize(
    ("weights", "top1", "top5"),
    [(weights, 100 - top1, 100 - top5) for weights, top1, top5 in ACCURACIES] + ERRORS,
)
def test_figures_are_those_that_their_sources_print(weights, top1, top5):
    name, crop, images = weights
    data, class_set, truth = SETS[images]
    figure, *_ = of_weights(name, crop, "all", data=data, class_set=class_set, truth=truth)
    assert (figure.top1_error, figure.top5_error) == (pytest.approx(top1), pytest.approx(top5))


@pytest.mark.parametrize(
    ("data", "class_set", "accuracy"),
    [
        ("v2-mf", "", 57.85),
        ("objectnet", "objectnet", 29.50),
        ("a", "imagenet-a", 1.71),
        ("r", "imagenet-r", 36.16),
    ],
)
def test_googlenet_has_figures_on_other_images(data, class_set, accuracy):
    (figure,) = of_weights(
        "torchvision/googlenet.IMAGENET1K_V1", "native", "all", data=data, class_set=class_set
    )
    assert 100 - figure.top1_error == pytest.approx(accuracy, abs=0.005)
    assert figure.source == "imagenet-testbed, bilinear 256->224"


def test_each_source_has_as_many_figures_as_it_prints():
    assert Counter(row["measured_by"] for row in every_figure()) == {
        "timm": 8 * 1556,
        "torchvision": 114,  # of 115: one is a backbone, without a figure
        "pytorchcv": 323,
        "timm-2023": 7,
        "tensornets": 11,
        "imagenet-testbed": 14,
        "openvino": 6,
        "soeaver": 6,
        "tf-slim": 5,
        "keras-applications": 4,
        "cadene": 1,
        "caffe": 1,
        "kentsommer": 1,
        "kwotsin": 1,
        "onnx-zoo": 1,
    }
    assert measured.figure_count() == len(every_figure())


def test_no_figure_is_there_twice():
    rows = every_figure()
    keys = [
        tuple(row[name] for name in measured.COLUMNS if not name.startswith(("top", "note"))) for row in rows
    ]
    assert len(set(keys)) == len(keys)


def test_errors_are_percentages_and_top5_is_not_above_top1():
    for row in every_figure():
        top1, top5 = float(row["top1_error"] or 100), float(row["top5_error"] or 0)
        assert 0 <= top5 <= top1 <= 100, row


def test_every_figure_has_a_source_and_every_source_a_figure():
    sources = {row["measured_by"]: row for row in rows_of("sources.csv")}
    assert sources.keys() == {row["measured_by"] for row in every_figure()}
    assert all(row["address"].startswith("https://") and row["as_of"] for row in sources.values())


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.csv")) < 400_000


def test_every_weights_of_timm_has_a_name_that_timm_knows():
    """None of 1,267 is gone."""
    import timm

    listed = {row["weights"].removeprefix("timm/") for row in every_figure() if row["measured_by"] == "timm"}
    assert len(listed) == 1267
    assert listed - set(timm.list_models(pretrained=True)) == set()


def test_crop_is_native_where_it_is_the_one_that_the_weights_are_evaluated_with():
    from timm.data.config import resolve_data_config
    from timm.models import get_pretrained_cfg

    count = Counter()
    for name in measured.names():
        if name.startswith("timm/"):
            config = get_pretrained_cfg(name.removeprefix("timm/")).to_dict()
            own = resolve_data_config(pretrained_cfg=config, use_test_size=True)
            size, resized = own["input_size"][-1], floor(own["input_size"][-1] / own["crop_pct"])
            image = f"warped {resized}x{resized}" if own["crop_mode"] == "squash" else f"{resized}"
            crop = f"{own['interpolation']} {image}->{size}"
            for row in figures_of(name):
                if row["measured_by"] == "timm" and row["data"] == "validation" and not row["class_set"]:
                    assert (row["crops"] == "native") == (row["how"] == crop), row
                    count[row["crops"]] += not row["truth"]
    assert count == {"native": 1260, "other": 296}


def test_figures_of_torchvision_are_those_of_its_metadata():
    from torchvision import models

    figures = {}
    for architecture in models.list_models(models):
        for weights in models.get_model_weights(architecture):
            accuracy = weights.meta["_metrics"]["ImageNet-1K"]
            if not isnan(accuracy["acc@1"]):
                figures[f"torchvision/{architecture}.{weights.name}"] = (accuracy["acc@1"], accuracy["acc@5"])
    assert figures.keys() == {name for name in measured.names() if name.startswith("torchvision/")}
    for name, accuracies in figures.items():
        (figure, *_) = of_weights(name, "native", "all")
        assert (100 - figure.top1_error, 100 - figure.top5_error) == pytest.approx(accuracies)


def test_figures_of_pytorchcv_are_those_that_its_package_lists():
    """The list of the package has the top-5 errors, in hundredths, without a point."""
    folder = Path(find_spec("pytorchcv").origin).parent
    with (folder / "models" / "common" / "model_metainfos.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["test_dataset"] == "in1k"]
    listed = {f"pytorchcv/{line['model_name']}.osmr": line["error_value"] for line in lines}
    listed = {name: value for name, value in listed.items() if value != "NA"}
    figures = {row["weights"]: row for row in every_figure() if row["measured_by"] == "pytorchcv"}
    assert {name: row["top5_error"].replace(".", "").zfill(4) for name, row in figures.items()} == listed
    readme = metadata("pytorchcv").get_payload()
    top1, top5 = re.search(r"\| InceptionResNetV1 \| ([\d.]+) \| ([\d.]+) \|", readme).groups()
    row = figures["pytorchcv/inceptionresnetv1.osmr"]
    assert (row["top1_error"], row["top5_error"], row["how"]) == (top1, top5, "bilinear 342->299")


@pytest.mark.parametrize(
    ("weights", "crop", "found"),
    [
        ("timm/resnet50.a1_in1k", "native", ["timm, bicubic 288->288"]),
        ("timm/resnet50.a1_in1k", "1", []),  # of the whole image, which is no crop of the papers'
        ("timm/resnet50.a1_in1k", "1/timm", ["timm, bicubic 288->288"]),
        ("timm/resnet50.a1_in1k", "1/torchvision", []),
        ("timm/resnet50.a1_in1k", "10", []),
        ("timm/resnet50.tv_in1k", "1", ["timm, bilinear 256->224"]),
        ("timm/fasternet_t0.in1k", "native", []),  # measured with another crop than its own
        ("timm/deit_small_patch16_224.fb_in1k", "1", []),  # 0.9 of the shorter side
        ("torchvision/resnet50.IMAGENET1K_V2", "1/torchvision", ["torchvision, bilinear 232->224"]),
        ("timm/inception_v3.", "native", []),
        ("timm/inception_v3", "native", []),
        ("cadene/bninception", "native", []),
        ("", "1", []),
    ],
)
def test_figure_counts_only_for_its_own_crop(weights, crop, found):
    assert [figure.source for figure in of_weights(weights, crop, "all")] == found


def test_single_crop_of_inception_keeps_the_figure_of_the_native_crop():
    for name, top1 in (("inception_v3.tf_in1k", 22.134), ("inception_resnet_v2.tf_in1k", 19.566)):
        assert of_weights(f"timm/{name}", "1", "all")[0].top1_error == top1
    assert of_weights("papers/inception-v3.tf_in1k", "1", "all")[0].source == "timm, bicubic 341->299"


def test_sources_that_disagree_are_all_kept():
    """Accuracies of 77.856 to 78.0 percent over the tools."""
    figures = of_weights("timm/inception_v3.tf_in1k", "1", "all")
    errors = [figure.top1_error for figure in figures]
    assert (len(errors), min(errors), max(errors)) == (5, 22.0, pytest.approx(100 - 77.856))


def test_images_labels_and_classes_are_told_apart():
    weights, native = "timm/inception_v3.tf_in1k", "native"
    errors = {
        name: of_weights(weights, native, "all", data=data, class_set=class_set, truth=truth)[0].top1_error
        for name, (data, class_set, truth) in SETS.items()
    }
    assert len(set(errors.values())) == len(SETS)
    assert of_weights(weights, native, "all", data="a") == ()  # among all classes nobody measured it
    assert of_weights(weights, native, "all", data="r", class_set="imagenet-a") == ()
    assert of_weights(weights, native, "non-blacklisted") == ()
    assert of_weights(weights, native, "all", truth="labels.json") == ()


def test_references_are_of_weights_that_no_network_has():
    from bench.zoo import NETWORKS, PROVIDERS

    providers = {*PROVIDERS, *(network.provider for network in NETWORKS.values())}
    assert {row["weights"] for row in measured.references()} == {
        *("tf-slim/inception_v1", "tf-slim/inception_v2", "keras/inception_v3", "cadene/bninception")
    }
    assert not any(row["weights"].partition("/")[0] in providers for row in measured.references())
    assert all(row["weights"].partition("/")[0] in providers for row in rows_of("weights.csv"))


def test_range_is_named_where_figures_differ():
    figures = [Figure(22.144, 6.0, "a"), Figure(22.0, None, "b"), Figure(None, 6.1, "c")]
    assert spread(figures) == Figure(22.144, 6.0, "a; 22.00 to 22.14 in 2 figures")
    assert spread(figures[:1]) is figures[0]
    assert spread(figures[2:]) is figures[2]
    assert spread([]) is None


@pytest.mark.parametrize(
    ("image", "path", "class_set", "found"),
    [
        ("ILSVRC2012_val_00000293", "val", "", "validation"),
        ("ILSVRC2012_val_00000293", "val", "imagenet-r", "validation"),
        ("n01498041/0.000116_digital clock _ digital clock_0.865662.jpg", "imagenet-a", "imagenet-a", "a"),
        ("n01498041/0.000116_digital clock _ digital clock_0.865662.jpg", "imagenet-a", "", "a"),
        ("n01443537/sketch_3.jpg", "imagenet-r", "imagenet-r", "r"),
        ("n01440764/sketch_3.JPEG", "sketch", "", "sketch"),
        ("alarm_clock/0123456789abcde.png", "images", "objectnet", "objectnet"),
        (f"0/{'0123456789' * 4}.jpeg", "imagenetv2-matched-frequency-format-val", "", "v2-mf"),
        (f"0/{'0123456789' * 4}.jpeg", "imagenetv2-top-images-format-val", "", ""),
        ("n01440764/my photograph.jpg", "photographs", "", "validation"),
        ("n01440764/my photograph.jpg", "photographs", "my classes.txt", "validation"),
    ],
)
def test_set_of_images_is_known_by_their_names_and_classes(image, path, class_set, found):
    assert data_set(image, path, class_set) == found


def test_libraries_have_a_file_each():
    assert {f"{library}.csv" for library in LIBRARIES} < {path.name for path in FOLDER.glob("*.csv")}
