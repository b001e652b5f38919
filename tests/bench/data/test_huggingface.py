"""Data sets in local folders, in the hub's layout."""

import io

import pytest
from PIL import Image

from bench.data import open_images
from bench.data.classes import wordnet_ids
from bench.errors import BenchError, DataError
from tests.bench.data.conftest import encoded
from tests.conftest import drawn

FILES = [encoded(drawn(40, 30, seed)) for seed in (1, 2)]


@pytest.fixture
def make_split(tmp_path):
    """Write a split of `FILES` under these names and labels; its `hf://` address."""
    datasets = pytest.importorskip("datasets")
    classes = datasets.ClassLabel(names=list(wordnet_ids()))
    features = datasets.Features({"image": datasets.Image(), "label": classes})

    def make(split, names, labels):
        images = [{"path": name, "bytes": file} for name, file in zip(names, FILES, strict=True)]
        table = datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)
        (tmp_path / "imagenet").mkdir()
        table.to_parquet(tmp_path / "imagenet" / f"{split}.parquet")
        return f"hf://{tmp_path / 'imagenet'}:{split}"

    return make


def test_images_and_labels_are_as_stored(make_split):
    data = make_split("validation", [f"ILSVRC2012_val_0000000{n}.JPEG" for n in (1, 2)], [7, 999])
    images = open_images(data)
    assert list(images.ids) == ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"]
    assert images.labels.tolist() == [7, 999]
    assert (images.path, images.location) == (data, None)
    assert [images.read(i) for i in range(2)] == FILES
    assert images.sizes.tolist() == [len(file) for file in FILES]
    assert Image.open(io.BytesIO(images.read(0))).size == (40, 30)


def test_split_without_labels_is_refused(make_split):
    with pytest.raises(DataError, match="images without a label"):
        open_images(make_split("test", [None, None], [-1, 3]))


@pytest.mark.parametrize("data", ["hf://nowhere", "hf://:validation", "hf:///no/such/folder:validation"])
def test_data_set_that_does_not_exist_is_refused(data):
    pytest.importorskip("datasets")
    with pytest.raises(BenchError):
        open_images(data)
