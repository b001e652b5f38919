import tarfile

from bench.data import open_images
from bench.data.classes import wordnet_ids


def test_fingerprint_is_the_same_for_a_folder_and_its_tar(validation_folder, tmp_path):
    """So that a run can continue with another copy of the images."""
    labels = {1: 5, 2: 0, 7: 5}
    (validation_folder / "labels.txt").write_text(
        "".join(f"ILSVRC2012_val_{number:08d}.JPEG {label}\n" for number, label in labels.items())
    )
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        for path in validation_folder.glob("*.JPEG"):
            archive.add(path, path.name)
    tar = open_images(str(tmp_path / "val.tar"), labels=validation_folder / "labels.txt")
    assert tar.fingerprint() == open_images(str(validation_folder)).fingerprint()


def test_validation_images_have_the_same_ids_in_class_folders(validation_folder, tmp_path):
    (validation_folder / "labels.txt").write_text("5\n0\n5\n")
    for path, label in zip(sorted(validation_folder.glob("*.JPEG")), (5, 0, 5), strict=True):
        folder = tmp_path / "sorted" / wordnet_ids()[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    by_class, flat = open_images(str(tmp_path / "sorted")), open_images(str(validation_folder))
    assert sorted(by_class.ids) == sorted(flat.ids)


def test_sample_is_the_first_images_or_a_seeded_draw(photos):
    images = open_images(str(photos))
    assert list(images.sample(2, None).ids) == list(images.ids[:2])
    sample, same_seed = images.sample(3, 7), images.sample(3, 7)
    assert list(sample.ids) == list(same_seed.ids)
    assert list(sample.ids) != list(images.ids[:3])
    for i, image_id in enumerate(sample.ids):
        assert sample.read(i) == (photos / image_id).read_bytes()
        assert sample.sizes[i] == len(sample.read(i))
        assert sample.labels[i] == images.labels[images.ids.index(image_id)]


def test_sample_of_all_images_is_the_images(photos):
    images = open_images(str(photos))
    assert images.sample(None, 7) is images
    assert images.sample(6, 7) is images


def test_location_is_the_folder_with_the_images(photos):
    assert open_images(str(photos)).location == photos.resolve()
