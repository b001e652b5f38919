"""Figures of public weights by the names that people type."""

import pytest

from bench.errors import UsageError
from bench.views.public_weights import range_lines, source_lines, weights_rows, weights_table, weights_tables
from tests.helpers import terminal_cells


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("v3.gluon_in1k", ["timm/inception_v3.gluon_in1k"]),
        ("v2-all.gluon_in1k", ["timm/inception_v3.gluon_in1k"]),
        ("v1-paper", ["papers/googlenet.bvlc"]),
        ("bn", ["pytorchcv/bninception.osmr"]),
        ("ir-v2", ["timm/inception_resnet_v2.tf_in1k", "timm/inception_resnet_v2.tf_ens_adv_in1k"]),
        ("timm/resnet50.a1_in1k", ["timm/resnet50.a1_in1k"]),
        ("resnet50.a1_in1k", ["timm/resnet50.a1_in1k"]),
        (
            "torchvision/resnet50",
            ["torchvision/resnet50.IMAGENET1K_V1", "torchvision/resnet50.IMAGENET1K_V2"],
        ),
        ("googlenet", ["torchvision/googlenet.IMAGENET1K_V1"]),  # timm has none of this name
        ("bninception", ["pytorchcv/bninception.osmr"]),
        ("cadene/bninception", ["cadene/bninception"]),
    ],
)
def test_names_stand_for_the_weights_that_model_takes(model, weights):
    assert list(dict.fromkeys(row["weights"] for row in weights_rows(model))) == weights


def test_bare_name_stands_for_all_weights_of_the_first_library_that_has_it():
    weights = {row["weights"] for row in weights_rows("resnet50")}
    assert {"timm/resnet50.a1_in1k", "timm/resnet50.tv_in1k"} < weights
    assert all(name.startswith("timm/resnet50.") for name in weights)


def test_rows_say_where_they_are_from():
    row = weights_rows("timm/resnet50.a1_in1k")[1]
    assert {
        "truth": "real",
        "crops": "native",
        "how": "bicubic 288->288",
        "top1_error": "13.421",
        "source": "https://github.com/huggingface/pytorch-image-models/tree/main/results",
    }.items() <= row.items()
    assert row["as_of"].startswith("commit 4e5207c7 of 2025-10-30")


def test_without_a_name_the_papers_networks_have_their_figures_of_the_validation_images():
    rows = weights_rows()
    assert 30 <= len(rows) <= 45
    assert {(row["data"], row["class_set"], row["truth"]) for row in rows} == {("validation", "", "")}
    assert rows[-1]["weights"] == "cadene/bninception"
    assert "timm-2023" not in {row["measured_by"] for row in rows}
    assert "non-blacklisted" in {row["image_set"] for row in rows}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("v2", "no network with published figures 'v2': try "),  # it has no public weights
        ("mini-v3", "no network with published figures 'mini-v3': try "),
        ("timm/resnet50x", "no network with published figures 'timm/resnet50x': try timm/resnet50, "),
        ("torchvision/resnet50.V3", "no weights with published figures 'torchvision/resnet50.V3': try torch"),
        ("resnet50.a1", "no weights with published figures 'timm/resnet50.a1': try timm/resnet50."),
    ],
)
def test_name_without_figures_is_refused_with_the_nearest(model, words):
    with pytest.raises(UsageError, match="^" + words.replace(".", r"\.")):
        weights_rows(model)


def test_images_classes_and_labels_of_a_figure_are_in_one_cell():
    (table,) = weights_tables(weights_rows("v4"))
    assert table.title == "timm/inception_v4.tf_in1k"
    images = [row[0] for row in terminal_cells([table])]
    assert {
        *("validation", "validation, by real", "validation, among imagenet-a"),
        *("ImageNet-A, among imagenet-a", "ImageNet-Sketch", "ImageNetV2, matched frequency"),
    } == set(images) - {"ImageNet-R, among imagenet-r", "validation, among imagenet-r"}


def test_names_and_errors_are_whole_in_a_usual_terminal():
    rows = weights_rows()
    cells = [row for row in terminal_cells([weights_table(rows)], 80) if row[0]]
    assert [row[0] for row in cells] == [row["weights"] for row in rows]
    assert cells[0][:3] == ["timm/inception_v3.tf_in1k", "native", "22.134 / 6.356"]
    assert ["timm/inception_v3.tf_in1k", "10", "- / 5.000"] in [row[:3] for row in cells]


def test_who_measured_has_how_and_on_which_of_the_images():
    cells = terminal_cells([weights_table(weights_rows())], 200)
    how = {row[2]: row[3] for row in cells}
    assert how["19.54 / 4.88"] == "kentsommer, 87.5% of each side warped to 299 (non-blacklisted images)"
    assert how["32.22 / 11.66"] == "onnx-zoo, warped to 224x224 (no crop; BGR means 103.939 116.779 123.68)"


def test_sources_that_disagree_have_a_line_with_their_range():
    assert range_lines(weights_rows("v1-paper")) == [
        "papers/googlenet.bvlc, validation, 1 crop: top-1 31.07 to 33.16 in 4 figures"
    ]
    assert range_lines(weights_rows("bn")) == []


def test_each_source_has_a_line():
    assert [line.partition(":")[0] for line in source_lines(weights_rows("v1-paper"))] == [
        *("caffe", "openvino", "onnx-zoo", "tensornets")
    ]
