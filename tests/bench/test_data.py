"""Images and their labels, from every layout; and the real validation images, devkit and blacklist."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from bench.data import open_images
from bench.data.classes import class_indices, ilsvrc_order, wordnet_ids
from bench.data.devkit import ground_truth, read_blacklist
from bench.data.file_names import validation_number
from bench.errors import BenchError, DataError
from tests.conftest import drawn


def jpeg(seed=0):
    buffer = io.BytesIO()
    drawn(40, 30, seed).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def flat(tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    for number in (1, 2, 7):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(jpeg(number))
    return folder


def test_the_classes_are_in_timms_order():
    from timm.data import ImageNetInfo

    assert list(wordnet_ids()) == ImageNetInfo().label_names()
    assert ilsvrc_order()[0] == "n02119789"  # kit fox
    assert ilsvrc_order().index("n01440764") == 448  # tench, class 0, is ILSVRC id 449
    assert class_indices()[448] == 0
    assert not (class_indices() == np.arange(1000)).any()


def test_folders_are_labelled_by_wordnet_id_and_not_by_position(photos):
    (photos / "n15075141").mkdir()
    drawn(30, 30).save(photos / "n15075141" / "last.jpg")
    images = open_images(str(photos))
    assert len(images) == 7
    assert dict(zip(images.ids, images.labels.tolist(), strict=True))["n15075141/last.jpg"] == 999
    assert images.labels.tolist() == [0, 0, 1, 1, 2, 2, 999]


def test_reading_gives_the_files_bytes(photos):
    images = open_images(str(photos))
    for i, image_id in enumerate(images.ids):
        assert images.read(i) == (photos / image_id).read_bytes()
        assert images.sizes[i] == len(images.read(i))


def test_a_tar_is_the_folder_it_was_made_of(photos, tmp_path):
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos, "photos")
    packed, unpacked = open_images(str(path)), open_images(str(photos))
    assert packed.labels.tolist() == unpacked.labels.tolist()
    assert [packed.read(i) for i in range(6)] == [unpacked.read(i) for i in range(6)]


def test_the_fingerprint_of_the_original_tar_is_that_of_the_class_folders(flat, tmp_path):
    """Validation images are known by their names in any layout, so that a run can go on with another copy."""
    (flat / "labels.txt").write_text(
        "".join(f"ILSVRC2012_val_{n:08d}.JPEG {label}\n" for n, label in ((1, 5), (2, 0), (7, 5)))
    )
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        for path in flat.glob("*.JPEG"):
            archive.add(path, path.name)
    sorted_by_class = tmp_path / "sorted"
    for number, label in ((1, 5), (2, 0), (7, 5)):
        place = sorted_by_class / wordnet_ids()[label]
        place.mkdir(parents=True, exist_ok=True)
        name = f"ILSVRC2012_val_{number:08d}.JPEG"
        (place / name).write_bytes((flat / name).read_bytes())
    tar = open_images(str(tmp_path / "val.tar"), labels=flat / "labels.txt")
    assert tar.fingerprint() == open_images(str(flat)).fingerprint()
    assert sorted(tar.ids) == sorted(open_images(str(sorted_by_class)).ids)


@pytest.mark.parametrize(
    "text",
    [
        "ILSVRC2012_val_00000002.JPEG 0\nILSVRC2012_val_00000007.JPEG 5\nILSVRC2012_val_00000001.JPEG 999\n",
        "ImageId,Class\nILSVRC2012_val_00000001,n15075141 0 0\nILSVRC2012_val_00000002,n01440764\nILSVRC2012_val_00000007,5\n",
        "\ufeffval/ILSVRC2012_val_00000001.JPEG\t999\r\nval/ILSVRC2012_val_00000002.JPEG\t0\r\nval/ILSVRC2012_val_00000007.JPEG\t5\r\n",
        "999\n0\n5\n",
    ],
    ids=["names", "kaggle", "tabs", "in order"],
)
def test_label_files_of_all_habits(flat, text):
    (flat / "labels.txt").write_text(text)
    images = open_images(str(flat))
    assert dict(zip(images.ids, images.labels.tolist(), strict=True)) == {
        "ILSVRC2012_val_00000001": 999,
        "ILSVRC2012_val_00000002": 0,
        "ILSVRC2012_val_00000007": 5,
    }
    assert images.label_source == str(flat / "labels.txt")
    assert images.ignored == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\n", "2 labels for 3 images"),
        ("1\n2\n1000\n", "class indices end at 999: for ILSVRC ids pass the --devkit"),
        (
            "ILSVRC2012_val_00000001 1\n",
            "does not label all images, ILSVRC2012_val_00000002.JPEG and 1 more are missing",
        ),
        ("ILSVRC2012_val_00000001 1\nILSVRC2012_val_00000001 2\n", "twice, as 1 and 2"),
        ("ILSVRC2012_val_00000001 1\nILSVRC2012_val_00000002 n00000000\n", "is not 'NAME CLASS'"),
        ("ILSVRC2012_val_00000001 1\nILSVRC2012_val_00000002 1000\n", "from 0 to 999"),
    ],
)
def test_label_files_that_cannot_be_right(flat, text, message):
    (flat / "labels.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        open_images(str(flat))


def test_label_files_go_by_the_whole_path_first(tmp_path):
    for name in ("x/1.jpg", "y/1.jpg", "y/my cat.jpg", "y/cat.1.jpg", "y/cat.2.jpg"):
        (tmp_path / "val" / name).parent.mkdir(parents=True, exist_ok=True)
        drawn(9, 9).save(tmp_path / "val" / name)
    lines = ["x/1.jpg 3", "y/1.jpg 4", "my cat.jpg 5", "cat.1 6", "cat.2 7"]
    (tmp_path / "labels.txt").write_text("\n".join(lines))
    images = open_images(str(tmp_path / "val"))
    assert dict(zip(images.ids, images.labels.tolist(), strict=True)) == {
        "x/1.jpg": 3, "y/1.jpg": 4, "y/my cat.jpg": 5, "y/cat.1.jpg": 6, "y/cat.2.jpg": 7,
    }  # fmt: skip
    (tmp_path / "labels.txt").write_text("\n".join(lines[:1] + lines[2:]))
    with pytest.raises(DataError, match=r"y/1\.jpg is missing"):  # the label of x/1.jpg is not its
        open_images(str(tmp_path / "val"))


def test_links_are_followed_and_nothing_is_passed_over(photos, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for folder in photos.iterdir():
        (linked / folder.name).symlink_to(folder)
    assert open_images(str(linked)).ids == open_images(str(photos)).ids
    (linked / "n01440764").unlink()
    (linked / "n01440764").symlink_to(photos / "n01443537")
    with pytest.raises(DataError, match="would count twice"):
        open_images(str(linked))
    (photos / "n01440764" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(DataError, match=r"gone\.jpg: No such file"):
        open_images(str(photos))


def test_links_in_a_tar_are_resolved(photos, tmp_path):
    first = next((photos / "n01440764").iterdir())
    (photos / "n01440764" / "hard.jpg").hardlink_to(first)
    (photos / "n01443537" / "soft.jpg").symlink_to(f"../n01440764/{first.name}")
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    packed, unpacked = open_images(str(tmp_path / "photos.tar")), open_images(str(photos))
    assert len(packed) == len(unpacked) == 8
    assert sorted(packed.read(i) for i in range(8)) == sorted(unpacked.read(i) for i in range(8))


@pytest.mark.parametrize("more", [0, 100, 512, 700])
def test_a_tar_that_is_cut_off_anywhere_is_refused(photos, tmp_path, more):
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(photos, "photos")
    with tarfile.open(path) as archive:
        fourth = [member for member in archive if member.isfile()][3]
    data = path.read_bytes()
    path.write_bytes(data[: fourth.offset + more])
    with pytest.raises(DataError, match=r"photos\.tar (ends after|is not)"):
        open_images(str(path))


def test_one_image_in_a_tar_twice_is_refused(photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, "photos")
        archive.add(photos / "n01440764", "photos/n01440764")
    with pytest.raises(DataError, match="more than once"):
        open_images(str(tmp_path / "photos.tar"))


def test_a_stray_image_beside_wordnet_folders_is_named(photos):
    drawn(9, 9).save(photos / "thumb.jpg")
    with pytest.raises(DataError, match=r"thumb\.jpg is not in one"):
        open_images(str(photos))


def test_hidden_folders_are_left_alone(photos):
    (photos / ".ipynb_checkpoints").mkdir()
    drawn(9, 9).save(photos / ".ipynb_checkpoints" / "copy.jpg")
    assert len(open_images(str(photos))) == 6


@pytest.mark.parametrize("spoil", ["ground truth of nothing", "ground truth in Latin-1", "half a meta.mat"])
def test_a_devkit_that_is_damaged_is_named(shared, tmp_path, flat, spoil):
    with tarfile.open(shared / "data" / "ILSVRC2012_devkit_t12.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    data = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    truth, meta = data / "ILSVRC2012_validation_ground_truth.txt", data / "meta.mat"
    if spoil == "half a meta.mat":
        meta.write_bytes(meta.read_bytes()[:90_000])
    else:
        truth.write_bytes(b"" if "nothing" in spoil else b"\xe4\n" * 50_000)
    with pytest.raises(DataError, match="take another copy"):
        open_images(str(flat), devkit=tmp_path / "ILSVRC2012_devkit_t12")


def test_the_data_may_be_where_the_user_stands(flat, monkeypatch):
    (flat.parent / "labels.txt").write_text("1\n2\n3\n")
    monkeypatch.chdir(flat)
    assert open_images(".").labels.tolist() == [1, 2, 3]


def test_a_sample_is_the_first_images_or_a_seeded_draw(photos):
    images = open_images(str(photos))
    first = images.sample(2, None)
    assert list(first.ids) == list(images.ids[:2])
    drawn_once, drawn_again = images.sample(3, 7), images.sample(3, 7)
    assert list(drawn_once.ids) == list(drawn_again.ids)
    assert list(drawn_once.ids) != list(images.ids[:3])
    for i, image_id in enumerate(drawn_once.ids):
        assert drawn_once.read(i) == (photos / image_id).read_bytes()


def test_the_real_devkit_labels_the_real_images(shared):
    """Two sources that do not know of each other: the devkit by ILSVRC id and the label file by class index."""
    data = shared / "data" / "ilsvrc-val"
    devkit = shared / "data" / "ILSVRC2012_devkit_t12.tar.gz"
    by_file, by_devkit = open_images(str(data)), open_images(str(data), devkit=devkit)
    assert by_file.label_source.endswith("labels.txt")
    assert by_file.labels.tolist() == by_devkit.labels.tolist()
    assert len(by_file) == 200


def test_a_devkit_beside_the_data_is_found(shared, flat, tmp_path):
    with tarfile.open(shared / "data" / "ILSVRC2012_devkit_t12.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    images = open_images(str(flat))
    truth = ground_truth(tmp_path / "ILSVRC2012_devkit_t12")
    assert images.labels.tolist() == truth[[0, 1, 6]].tolist()
    assert np.bincount(truth).tolist() == [50] * 1000


def test_the_real_blacklist(shared, tmp_path):
    plain = shared / "facts" / "blacklist.txt"
    blacklist = read_blacklist(plain)
    assert blacklist.official
    assert (
        len(blacklist.numbers),
        min(blacklist.numbers),
        max(blacklist.numbers),
        sum(blacklist.numbers),
    ) == (1762, 36, 49981, 44_731_238)
    devkit = tmp_path / "ILSVRC2014_devkit" / "data"
    devkit.mkdir(parents=True)
    (devkit / "ILSVRC2014_clsloc_validation_blacklist.txt").write_bytes(
        plain.read_bytes().replace(b"\n", b"\r\n")
    )
    with tarfile.open(tmp_path / "ILSVRC2014_devkit.tgz", "w:gz") as archive:
        archive.add(devkit.parent, "ILSVRC2014_devkit")
    for kit in (tmp_path / "ILSVRC2014_devkit", tmp_path / "ILSVRC2014_devkit.tgz"):
        assert read_blacklist(kit).numbers == blacklist.numbers
        assert read_blacklist(kit).official


@pytest.mark.parametrize(
    "text", ["0\n", "50001\n", "", "ILSVRC2012_val_00000036\n", "99999999999999999999\n"]
)
def test_a_list_that_is_no_blacklist(tmp_path, text):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=r"list\.txt"):
        read_blacklist(tmp_path / "list.txt")


def test_validation_images_are_told_by_their_names():
    assert validation_number("ILSVRC2012_val_00000036") == 36
    assert validation_number("n01440764/ILSVRC2012_val_00000293.JPEG") == 293
    assert validation_number("n01440764/n01440764_36.JPEG") is None


def test_a_hugging_face_data_set_on_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(wordnet_ids()))}
    )
    rows = {
        "image": [{"path": f"ILSVRC2012_val_0000000{n}.JPEG", "bytes": jpeg(n)} for n in (1, 2)],
        "label": [7, 999],
    }
    folder = tmp_path / "imagenet"
    folder.mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / "validation.parquet")
    images = open_images(f"hf://{folder}:validation")
    assert list(images.ids) == ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"]
    assert images.labels.tolist() == [7, 999]
    assert images.path == f"hf://{folder}:validation"
    assert images.read(1) == jpeg(2)
    assert images.sizes.tolist() == [len(jpeg(1)), len(jpeg(2))]
    assert Image.open(io.BytesIO(images.read(0))).size == (40, 30)


def test_a_hugging_face_split_without_labels_is_refused(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(wordnet_ids()))}
    )
    rows = {"image": [{"path": None, "bytes": jpeg(n)} for n in (1, 2)], "label": [-1, 3]}
    (tmp_path / "imagenet").mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "imagenet" / "test.parquet")
    with pytest.raises(DataError, match="images without a label"):
        open_images(f"hf://{tmp_path / 'imagenet'}:test")


@pytest.mark.parametrize("data", ["hf://nowhere", "hf://:validation", "hf:///no/such/folder:validation"])
def test_a_hugging_face_data_set_that_is_not_there(data):
    pytest.importorskip("datasets")
    with pytest.raises(BenchError):
        open_images(data)
