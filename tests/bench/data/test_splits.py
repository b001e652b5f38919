import pytest

from bench.data.splits import class_names, files_of_converted_split, files_of_split
from bench.errors import DataError

HUB = [
    "README.md",
    *(
        f"data/{split}-0000{n}-of-00002.parquet"
        for split in ("test", "train", "validation")
        for n in range(2)
    ),
]
DECLARED = {
    "configs": [
        {"config_name": "small", "data_files": [{"split": "validation", "path": "small/*.parquet"}]},
        {
            "config_name": "full",
            "default": True,
            "data_files": [
                {"split": "train", "path": ["a.parquet", "b.parquet"]},
                {"split": "validation", "path": "c-*"},
            ],
        },
    ]
}
OWN_NAMES = ["small/0.parquet", "a.parquet", "b.parquet", "c-0.parquet", "c-1.parquet", "c-1.txt"]


@pytest.mark.parametrize(
    ("names", "card", "config", "split", "files"),
    [
        (HUB, {}, None, "validation", HUB[5:]),
        (HUB, {}, None, "val", HUB[5:]),
        (HUB, {}, None, "holdout", []),
        (OWN_NAMES, DECLARED, None, "validation", ["c-0.parquet", "c-1.parquet"]),
        (OWN_NAMES, DECLARED, None, "train", ["a.parquet", "b.parquet"]),
        (OWN_NAMES, DECLARED, "small", "validation", ["small/0.parquet"]),
        (OWN_NAMES, DECLARED, None, "test", []),
        (OWN_NAMES, {"configs": [{"config_name": "x", "data_files": "a*"}]}, None, "train", ["a.parquet"]),
        (["imagenet1k-train-0.tar", "imagenet1k-validation-0.tar"], {}, None, "validation",
         ["imagenet1k-validation-0.tar"]),
        (["a/validation/0.parquet", "b/validation/0.parquet"], {}, "b", "validation",
         ["b/validation/0.parquet"]),
        (["data/interval.parquet"], {}, None, "val", []),
        (["images.parquet"], {}, None, "train", ["images.parquet"]),
        (["images.parquet", "test.parquet"], {}, None, "train", []),
    ],
)  # fmt: skip
def test_files_of_a_split_are_those_of_the_card_or_of_their_names(names, card, config, split, files):
    assert files_of_split(names, card, config, split, "hf://x") == files


def test_converted_split_is_whole_or_not_there():
    names = [
        "default/validation/0000.parquet",
        "default/partial-train/0000.parquet",
        "other/train/0000.parquet",
    ]
    assert files_of_converted_split(names, None, "validation", "hf://x") == names[:1]
    assert files_of_converted_split(names, None, "train", "hf://x") == []
    assert files_of_converted_split(names, "other", "train", "hf://x") == names[2:]


def test_configuration_must_be_chosen_where_there_are_several():
    with pytest.raises(
        DataError, match=r"has the configurations a, b: write one as hf://ORG/NAME/CONFIG:SPLIT"
    ):
        files_of_converted_split(["a/val/0.parquet", "b/val/0.parquet"], None, "val", "hf://x")


@pytest.mark.parametrize(
    "names", [{"0": "tench", "1": "goldfish", "10": "owl"}, {0: "tench", 1: "goldfish", 10: "owl"}]
)
def test_class_names_are_in_the_order_of_their_numbers(names):
    features = [
        {"name": "image", "dtype": "image"},
        {"name": "label", "dtype": {"class_label": {"names": names}}},
    ]
    card = {
        "dataset_info": [{"config_name": "a", "features": []}, {"config_name": "b", "features": features}]
    }
    assert class_names(card, "b") == ("tench", "goldfish", "owl")
    assert class_names(card, "a") == ()
    assert class_names({}, None) == ()
