"""The page of runs, and its pictures."""

from dataclasses import replace

import pytest
from PIL import ImageOps

import bench
from bench.data.open import find_images
from bench.errors import DataError
from bench.views.page import page
from bench.views.thumbnails import thumbnail_reader
from results.errors import RunError
from results.run import write_manifest
from results.scoring import AS_STORED
from results.storage import parse_path, write
from results.tables import predictions
from tests.conftest import drawn


def test_page_shows_the_first_mistakes_with_their_pictures(mini_runs):
    frames = [predictions(run, "144") for run in mini_runs]
    mistakes = [int((frame["top1"] != frame["label"]).sum()) for frame in frames]
    text = page(mini_runs, [AS_STORED], data=None, note=print)
    assert text.count("data:image/jpeg;base64,") == sum(min(number, 12) for number in mistakes) > 12
    assert "checked-star" in text
    assert len(text) < 2_000_000


def pictures_and_notes(run, data=None):
    """How many pictures the page of a run has, and what was noted while it was written."""
    notes = []
    text = page([run], [AS_STORED], data=data, note=notes.append)
    return text.count("data:image/jpeg;base64,"), notes


def test_page_has_no_pictures_where_the_images_are_gone(evaluate, photos):
    run = evaluate()
    note = f"pictures are read from {photos}, where {run.path} saw its images: --data names another place"
    assert pictures_and_notes(run) == (6, [note])
    (photos / "n01440764" / "photo0.JPEG").unlink()
    assert pictures_and_notes(run) == (5, [note])
    for path in photos.glob("*/*.JPEG"):
        path.unlink()
    gone = f"the page has no pictures: no images at {photos}: no file in it ends in one of "
    count, (first, second) = pictures_and_notes(run)
    assert (count, first, second[: len(gone)]) == (0, note, gone)


def test_pictures_come_from_the_data_that_is_named(evaluate, photos):
    run = evaluate()
    moved = photos.rename(photos.with_name("moved"))
    assert pictures_and_notes(run, str(moved)) == (6, [])
    with pytest.raises(DataError, match="no images at nowhere"):
        pictures_and_notes(run, "nowhere")


def test_pictures_come_from_a_data_set_of_hugging_face(evaluate, photos, monkeypatch):
    run, files = evaluate(), find_images(str(photos))
    monkeypatch.setattr("bench.views.thumbnails.find_images", {"hf://someone/photos:val": files}.get)
    assert pictures_and_notes(run, "hf://someone/photos:val") == (6, [])


def test_pictures_of_objectnet_have_no_red_border(evaluate, tmp_path):
    photo = drawn(90, 80)
    (tmp_path / "objects/banana").mkdir(parents=True)
    ImageOps.expand(photo, 1, (255, 0, 0)).save(tmp_path / "objects/banana/1.png")
    run = evaluate(data=tmp_path / "objects", classes="objectnet")
    assert thumbnail_reader(run, 200, None, [].append)("banana/1.png") == photo


def on_images_at(run, path):
    """The run as one from elsewhere that claims to be on images at `path`."""
    data = replace(run.manifest.data, path=path)
    return write_manifest(run.path, replace(run.manifest, data=data))


def test_url_is_opened_only_where_the_user_names_it(evaluate, photos):
    for path in photos.glob("*/*.JPEG"):
        write(parse_path(f"memory://photos/{path.relative_to(photos)}"), path.read_bytes())
    run = on_images_at(evaluate(), "memory://photos")
    note = (
        f"the page has no pictures: {run.path} is on images at memory://photos, "
        "which is opened with --data memory://photos alone"
    )
    assert pictures_and_notes(run) == (0, [note])
    assert pictures_and_notes(run, "memory://photos") == (6, [])


@pytest.mark.parametrize("path", ["hf://someone/something:val", "http://127.0.0.1:1/val", "file:///", "a\0b"])
def test_places_that_are_not_local_are_not_opened(evaluate, monkeypatch, path):
    run = on_images_at(evaluate(), path)
    monkeypatch.delattr("bench.views.thumbnails.find_images")
    count, (note,) = pictures_and_notes(run)
    assert count == 0
    assert "the page has no pictures" in note


def test_runs_on_other_images_are_refused(mini_runs, tmp_path):
    other = bench.evaluate(limit=20, out=tmp_path)
    with pytest.raises(RunError, match="is on other images or labels than"):
        page([*mini_runs, other], [AS_STORED], data=None, note=print)
