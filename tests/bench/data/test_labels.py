import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data import open_images
from bench.data.classes import wordnet_ids
from bench.data.label_file import read_label_file
from bench.errors import DataError
from tests.bench.data.conftest import encoded
from tests.bench.data.layouts import write_shard
from tests.conftest import drawn
from tests.helpers import result_or_refusal


def labels_by_id(images):
    return dict(zip(images.ids, images.labels.tolist(), strict=True))


def test_folders_are_labelled_by_wordnet_id_and_not_by_position(photos):
    (photos / "n15075141").mkdir()
    drawn(30, 30).save(photos / "n15075141" / "last.jpg")
    images = open_images(str(photos))
    assert images.labels.tolist() == [0, 0, 1, 1, 2, 2, 999]
    assert labels_by_id(images)["n15075141/last.jpg"] == 999
    assert images.label_source == "WordNet folders"


def test_image_outside_of_the_class_folders_is_refused(photos):
    drawn(9, 9).save(photos / "thumb.jpg")
    with pytest.raises(DataError, match=r"thumb\.jpg is not in one"):
        open_images(str(photos))


@pytest.fixture
def pets(tmp_path):
    """A cat in a folder of its class, and a dog in one whose name is misspelt; no classes.txt yet."""
    for folder in ("cat", "dgo"):
        (tmp_path / "pets" / folder).mkdir(parents=True)
        drawn(9, 9).save(tmp_path / "pets" / folder / "1.jpg")
    return tmp_path / "pets"


def test_folders_of_own_classes_without_their_names_are_refused(pets):
    with pytest.raises(DataError, match=r"or name classes of its own in a classes\.txt beside the images"):
        open_images(str(pets))


@pytest.mark.parametrize(
    ("classes", "folders"), [("cat\ndog\n", "dgo is"), ("bird\ndog\n", "cat and 1 more are")]
)
def test_folder_that_classes_txt_does_not_name_is_named(pets, classes, folders):
    (pets / "classes.txt").write_text(classes)
    with pytest.raises(DataError) as caught:
        open_images(str(pets))
    assert str(caught.value) == (
        f"{pets}: {folders} not among the 2 classes of its classes.txt: "
        "rename the folder, or add its name to classes.txt as a line"
    )


def test_label_file_with_other_classes_than_imagenets_names_classes_txt(pets):
    (pets / "labels.txt").write_text("cat/1.jpg cat\ndgo/1.jpg dog\n")
    with pytest.raises(DataError, match=r"or its name; a classes\.txt beside the images names other classes"):
        open_images(str(pets))


def put_into_folders(folder, names):
    """Write a small image to each name."""
    file = encoded(drawn(9, 9))
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "imagenetv2-matched-frequency-format-val",
        "imagenetv2-threshold0.7-format-val",
        "imagenetv2-top-images-format-val",
    ],
)
def test_folders_of_imagenetv2_are_class_indices(tmp_path, name):
    folder = put_into_folders(tmp_path / name, ["0/a.jpeg", "10/b.jpeg", "2/c.jpeg", "999/d.jpeg"])
    for data in (folder, tmp_path, write_shard(tmp_path / f"{name}.tar", files_in(folder))):
        images = open_images(str(data))
        assert images.labels.tolist() == [0, 10, 2, 999]
        assert images.label_source == "folders 0 to 999, as ImageNetV2 has them"


def files_in(folder):
    """The content of each file by its path."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.*"))}


def test_folders_0_to_999_are_class_indices_where_most_are_there(tmp_path):
    put_into_folders(tmp_path, [f"{number}/1.jpeg" for number in range(999)])
    images = open_images(str(tmp_path))
    assert images.labels.tolist() == [int(name.partition("/")[0]) for name in images.ids]
    assert sorted(images.labels.tolist()) == list(range(999))


@pytest.mark.parametrize(
    "folders", [range(500), range(1, 1001), [f"{n:03d}" for n in range(1000)]], ids=["few", "from 1", "zeros"]
)
def test_other_folders_named_by_numbers_are_refused(tmp_path, folders):
    put_into_folders(tmp_path, [f"{folder}/1.jpeg" for folder in folders])
    with pytest.raises(DataError, match=r"folders named by numbers \(.*\), in an unknown order"):
        open_images(str(tmp_path))


def test_two_variants_of_imagenetv2_at_once_are_refused(tmp_path):
    put_into_folders(tmp_path, ["imagenetv2-a/0/1.jpeg", "imagenetv2-b/0/1.jpeg"])
    with pytest.raises(
        DataError, match=r"0 to 999 in 2 places \(imagenetv2-a, imagenetv2-b, \.\.\.\): name one"
    ):
        open_images(str(tmp_path))


def test_folders_named_by_numbers_are_refused(tmp_path):
    for folder in ("7", "12"):
        (tmp_path / folder).mkdir()
        drawn(9, 9).save(tmp_path / folder / "1.jpg")
    with pytest.raises(DataError, match=r"named by numbers \(12, ...\), in an unknown order"):
        open_images(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "ILSVRC2012_val_00000002.JPEG 0\n"
            "ILSVRC2012_val_00000007.JPEG 5\n"
            "ILSVRC2012_val_00000001.JPEG 999\n",
            id="names",
        ),
        pytest.param(
            "ImageId,Class\n"
            "ILSVRC2012_val_00000001,n15075141 0 0\n"
            "ILSVRC2012_val_00000002,n01440764\n"
            "ILSVRC2012_val_00000007,5\n",
            id="Kaggle",
        ),
        pytest.param(
            "\ufeffval/ILSVRC2012_val_00000001.JPEG\t999\r\n"
            "val/ILSVRC2012_val_00000002.JPEG\t0\r\n"
            "val/ILSVRC2012_val_00000007.JPEG\t5\r\n",
            id="tabs",
        ),
        pytest.param("999\n0\n5\n", id="indices in order"),
        pytest.param("999\n0\n00000000000005\n", id="indices with leading zeros"),
    ],
)
def test_label_file_of_every_kind_is_read(validation_folder, text):
    (validation_folder / "labels.txt").write_text(text)
    images = open_images(str(validation_folder))
    assert labels_by_id(images) == {
        "ILSVRC2012_val_00000001": 999,
        "ILSVRC2012_val_00000002": 0,
        "ILSVRC2012_val_00000007": 5,
    }
    assert images.label_source == str(validation_folder / "labels.txt")
    assert images.ignored == 0


@pytest.fixture
def ambiguous(tmp_path):
    """Images with the same name in two folders, and names that differ in their endings."""
    for name in ("x/1.jpg", "y/1.jpg", "y/my cat.jpg", "y/cat.1.jpg", "y/cat.2.jpg"):
        (tmp_path / "val" / name).parent.mkdir(parents=True, exist_ok=True)
        drawn(9, 9).save(tmp_path / "val" / name)
    return tmp_path / "val"


def test_lines_label_whole_paths_before_short_names(ambiguous):
    lines = ["x/1.jpg 3", "y/1.jpg 4", "my cat.jpg 5", "cat.1 6", "cat.2 7"]
    (ambiguous.parent / "labels.txt").write_text("\n".join(lines))
    assert labels_by_id(open_images(str(ambiguous))) == {
        "x/1.jpg": 3, "y/1.jpg": 4, "y/my cat.jpg": 5, "y/cat.1.jpg": 6, "y/cat.2.jpg": 7,
    }  # fmt: skip


def test_line_of_one_image_does_not_label_another_of_the_same_short_name(ambiguous):
    lines = ["x/1.jpg 3", "my cat.jpg 5", "cat.1 6", "cat.2 7"]
    (ambiguous.parent / "labels.txt").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"y/1\.jpg is missing"):
        open_images(str(ambiguous))


def test_two_lines_of_one_short_name_with_different_classes_label_nothing(ambiguous):
    lines = ["x/1.jpg 3", "y/1.jpg 4", "a/my cat.jpg 5", "b/my cat.jpg 6", "cat.1 6", "cat.2 7"]
    (ambiguous.parent / "labels.txt").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"y/my cat\.jpg is missing"):
        open_images(str(ambiguous))


NAMES = [f"{folder}/{number}.jpg" for folder in "ab" for number in range(3)]
CLASSES = {*map(str, range(1000)), *wordnet_ids()}
SHORT_AND_OTHER_NAMES = ["0.jpg", "2", "a/1", "c/9.jpg"]
LINES = st.one_of(
    st.tuples(
        st.sampled_from(NAMES + SHORT_AND_OTHER_NAMES),
        st.sampled_from(" \t,"),
        st.integers(-2, 1001).map(str) | st.sampled_from(wordnet_ids()[:3]),
    ).map("".join),
    st.integers(-1, 1001).map(str),
    st.text(max_size=8),
)


@given(
    st.lists(LINES, max_size=12)
    | st.permutations([f"{name} {number}" for number, name in enumerate(NAMES)])
    | st.lists(st.integers(0, 10**12).map(str) | st.integers(0, 999).map(str), min_size=6, max_size=6)
)
def test_any_lines_are_labels_as_they_say_or_an_error(tmp_path, lines):
    """Of each image that a line names in full; and of all images, where every line is a number."""
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(lines), "utf-8", errors="surrogatepass")
    labels, refusal = result_or_refusal(
        lambda: read_label_file(path, NAMES, wordnet_ids()).tolist(), DataError
    )
    if refusal:
        assert str(path) in refusal
        return
    assert all(0 <= label < 1000 for label in labels)
    if all(line.isascii() and line.isdigit() for line in lines):
        assert labels == list(map(int, lines))
    for name, label in zip(NAMES, labels, strict=True):
        words = {line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")}
        assert words & CLASSES <= {str(label), wordnet_ids()[label]}


@given(st.binary(max_size=200))
def test_any_bytes_are_labels_or_an_error(tmp_path, data):
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    labels, refusal = result_or_refusal(lambda: read_label_file(path, NAMES, wordnet_ids()), DataError)
    if refusal:
        assert str(path) in refusal
    else:
        assert len(labels) == len(NAMES)
