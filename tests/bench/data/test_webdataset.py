import pytest

from bench.data import open_images
from bench.errors import DataError
from results.storage import parse_path, write
from tests.bench.data.conftest import FILES
from tests.bench.data.layouts import write_shard

LABELS = [7, 999, 0, 1, 2, 3]


def samples(numbers, ending="jpg"):
    """Members of a shard: an image, its label and a description for each number."""
    members = {}
    for number in numbers:
        key = f"val/{number:04d}"
        members |= {
            f"{key}.cls": f"{LABELS[number]}\n",
            f"{key}.{ending}": FILES[number],
            f"{key}.json": "{}",
        }
    return members


@pytest.fixture
def shards(tmp_path):
    """A folder of three shards of two images each; keys are not in the order of the shards."""
    for number, numbers in enumerate([(5, 0), (3, 1), (2, 4)]):
        write_shard(tmp_path / "shards" / f"val-{number:04d}.tar", samples(numbers))
    return tmp_path / "shards"


@pytest.mark.parametrize("pattern", ["", "/val-{0000..0002}.tar", "/val-*.tar", "/val-00{00,01,02}.ta[r]"])
def test_images_of_all_shards_are_sorted_and_read_in_place(shards, pattern):
    images = open_images(f"{shards}{pattern}")
    assert images.ids == [f"val/{number:04d}.jpg" for number in range(6)]
    assert images.labels.tolist() == LABELS
    assert images.sizes.tolist() == [len(file) for file in FILES]
    assert [images.read(i) for i in range(6)] == FILES
    assert (images.label_source, images.ignored) == (".cls files", 0)
    assert images.path == f"{shards}{pattern}"


def test_single_shard_is_a_data_set(shards):
    assert open_images(str(shards / "val-0001.tar")).labels.tolist() == [999, 1]


def test_class_folders_in_a_shard_do_not_go_before_its_labels(tmp_path):
    members = {"n01440764/1.png": FILES[0], "n01440764/1.cls": "3"}
    assert open_images(str(write_shard(tmp_path / "val.tar", members))).labels.tolist() == [3]


def test_classes_of_its_own_are_beside_the_shards(shards):
    (shards / "classes.txt").write_text("cat\ndog\n")
    with pytest.raises(
        DataError, match=r"val/0000\.jpg and 3 more are of class 7, and class indices are 0 to 1"
    ):
        open_images(str(shards))


def test_other_images_of_a_key_are_not_counted(tmp_path):
    members = samples([0]) | {"val/0000.mask.png": FILES[1], "val/0000.mask.cls": "4", "nshards.txt": "1"}
    images = open_images(str(write_shard(tmp_path / "val.tar", members)))
    assert (images.ids, images.labels.tolist(), images.ignored) == (["val/0000.jpg"], [7], 1)


def test_missing_shard_is_named(shards):
    (shards / "val-0001.tar").unlink()
    with pytest.raises(DataError) as caught:
        open_images(f"{shards}/val-{{0000..0003}}.tar")
    assert str(caught.value) == (
        f"{shards}/val-0001.tar and 1 more are missing, of 4 that {shards}/val-{{0000..0003}}.tar names: "
        "fetch what is missing, or correct the pattern"
    )


def test_image_in_two_shards_is_refused(shards):
    write_shard(shards / "val-0003.tar", samples([3]))
    with pytest.raises(
        DataError, match=r"'val/0003.jpg' more than once, in .*val-0001.tar and in .*val-0003.tar"
    ):
        open_images(str(shards))


def test_shards_of_several_splits_are_refused(shards):
    write_shard(shards / "train-0000.tar", samples([3]))
    with pytest.raises(DataError, match=r"several sets of \.tar files \(train, val\): name the files of one"):
        open_images(str(shards))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.jpg": FILES[0]}, r"a\.jpg is without a \.cls of the same key"),
        ({"a.cls": "5"}, r"a\.cls is without an image of the same key"),
        ({"a.jpg": FILES[0], "a.cls": "cat"}, r"val-9\.tar: a\.cls is 'cat', not a class index from 0"),
        ({"a.jpg": FILES[0], "a.cls": "-1"}, r"a\.cls is '-1', not a class index"),
        ({"a.jpg": FILES[0], "a.cls": ""}, r"a\.cls is '', not a class index"),
        ({"a.jpg": FILES[0], "a.cls": b"\xff\n\0"}, r"a\.cls is .*, not a class index"),
        ({"a.jpg": FILES[0], "a.cls": "9" * 90}, r"a\.cls is '9+', not a class index"),
        ({"a.jpg": FILES[0], "a.cls": "1000"}, r"a\.jpg is of class 1000, and class indices are 0 to 999"),
        ({"a.jpg": FILES[0], "a.png": FILES[1], "a.cls": "1"}, r"has two images of the key 'a'"),
        ({"a.1.jpg": FILES[0], "a.2.jpg": FILES[1], "a.cls": "1"}, r"key 'a', which ends at the first dot"),
        ({"a.jpg": FILES[0], "a.cls": "1", "./a.cls": "2"}, r"has 'a\.cls' more than once"),
    ],
)
def test_shard_that_cannot_be_used_is_one_line(shards, members, message):
    write_shard(shards / "val-9.tar", {"b.jpg": FILES[1], "b.cls": "5"} | members)
    with pytest.raises(DataError, match=message) as caught:
        open_images(str(shards / "val-9.tar"))
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=message):
        open_images(f"{shards}/val-*.tar")


def test_shard_in_a_store_is_refused_in_the_same_words(tmp_path):
    content = write_shard(tmp_path / "val.tar", {"a.jpg": FILES[0], "b.cls": "1"}).read_bytes()
    write(parse_path("memory://shards/val.tar"), content)
    with pytest.raises(DataError, match=r"^memory://shards/val\.tar has images without a label: a\.jpg is"):
        open_images("memory://shards/val.tar")


def test_several_archives_without_labels_are_refused(photos, tmp_path):
    for number in range(2):
        write_shard(tmp_path / f"tars/{number}.tar", {"n01440764/1.jpg": FILES[0]})
    with pytest.raises(
        DataError, match=r"names 2 \.tar files without labels: WebDataset shards have a KEY\.cls"
    ):
        open_images(str(tmp_path / "tars"))
