from bench.data.file_names import image_id, validation_number


def test_validation_images_are_known_by_their_names():
    assert validation_number("ILSVRC2012_val_00000036") == 36
    assert validation_number("n01440764/ILSVRC2012_val_00000293.JPEG") == 293
    assert validation_number("mini_val_00000002.JPEG") == 2
    assert validation_number("n01440764/n01440764_36.JPEG") is None


def test_image_id_of_a_validation_image_has_no_folder_and_no_ending():
    assert image_id("n01440764/ILSVRC2012_val_00000293.JPEG") == "ILSVRC2012_val_00000293"
    assert image_id("n01440764/n01440764_36.JPEG") == "n01440764/n01440764_36.JPEG"
