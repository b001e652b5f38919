"""The picture of the images that flipped."""

from PIL import Image

from bench.views.flips import draw_flips
from results.comparison import compare


def test_flipped_images_are_drawn_six_in_a_row(mini_runs, tmp_path):
    runs = [mini_runs[0], mini_runs[4]]
    found = compare(*runs, None, "all")
    flipped = found.only_a_right + found.only_b_right
    line = draw_flips(found, runs, tmp_path / "flips.png", None, print)
    assert line == f"wrote {tmp_path}/flips.png: {flipped} of {flipped} images that flipped"
    with Image.open(tmp_path / "flips.png") as picture:
        assert picture.width == 6 * 168 + 8
