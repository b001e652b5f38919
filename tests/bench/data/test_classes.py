import numpy as np
import pytest

from bench.data.classes import class_indices, find_classes, ilsvrc_order, wordnet_ids
from bench.errors import DataError


def test_classes_are_in_timms_order():
    from timm.data import ImageNetInfo

    assert list(wordnet_ids()) == ImageNetInfo().label_names()


def test_ilsvrc_order_is_another_one():
    assert ilsvrc_order()[0] == "n02119789"  # kit fox
    assert ilsvrc_order().index("n01440764") == 448  # tench, class 0, is ILSVRC id 449
    assert class_indices()[448] == 0
    assert not (class_indices() == np.arange(1000)).any()


@pytest.mark.parametrize(
    "text", ["one\n", "one\ntwo\none\n", "\xff\xfe"], ids=["one", "repeated", "no UTF-8"]
)
def test_classes_file_that_cannot_be_right_is_refused(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text, "latin-1")
    with pytest.raises(DataError, match=r"classes.txt"):
        find_classes(tmp_path)
