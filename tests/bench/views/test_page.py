"""The page of runs, and what the ReaL labels say of a run."""

from dataclasses import replace

import numpy as np
import pytest

import bench
from bench.data import open_images
from bench.data.open import find_images
from bench.errors import DataError
from bench.views.page import page, real_noise
from results.errors import RunError
from results.manifest import PlanRecord, ProtocolRecord
from results.run import Shard, write_manifest
from results.storage import parse_path, write
from results.tables import predictions
from tests.conftest import drawn
from tests.helpers import complete_run, start_run


def test_page_shows_the_first_mistakes_with_their_pictures(mini_runs):
    frames = [predictions(run, "144") for run in mini_runs]
    mistakes = [int((frame["top1"] != frame["label"]).sum()) for frame in frames]
    text = page(mini_runs, real=False, data=None, note=print)
    assert text.count("data:image/jpeg;base64,") == sum(min(number, 12) for number in mistakes) > 12
    assert "checked-star" in text
    assert len(text) < 2_000_000


def pictures_and_notes(run, data=None):
    """How many pictures the page of a run has, and what was noted while it was written."""
    notes = []
    text = page([run], real=False, data=data, note=notes.append)
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
        page([*mini_runs, other], real=False, data=None, note=print)


def test_real_labels_are_for_imagenet_alone(mini_runs):
    message = r"is not on ImageNet's validation images.*: leave --real away"
    with pytest.raises(RunError, match=message):
        page(mini_runs, real=True, data=None, note=print)
    with pytest.raises(RunError, match=message):
        real_noise(mini_runs[0])


def validation_images(folder, wordnet_ids):
    """Small pictures with the names of the first validation images, in folders by class."""
    for number, wordnet_id in enumerate(wordnet_ids, start=1):
        path = folder / wordnet_id / f"ILSVRC2012_val_{number:08d}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn(9, 9).save(path)
    return open_images(str(folder))


def test_real_noise_is_that_of_timms_labels(tmp_path):
    """A run that predicts tench, class 0, for every image: right by ReaL where its labels have class 0."""
    from timm.data.real_labels import RealLabelsImagenet

    images = validation_images(tmp_path / "val", ["n01440764", "n01443537"] * 200)
    predictions = np.zeros((len(images), 1000), dtype=np.float32)
    predictions[:, 0] = 1
    plan = PlanRecord(protocols={"1": ProtocolRecord(crops=1)})
    run = start_run(tmp_path / "run", len(images), plan=plan, shard_images=len(images))
    shard = Shard(0, len(images), list(images.ids), images.labels, {"1": predictions})
    noise = real_noise(complete_run(run, [shard]))
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001)]
    oracle = RealLabelsImagenet(names).real_labels
    real_labels = [oracle[f"{image_id}.JPEG"] for image_id in images.ids]
    with_labels = [labels for labels in real_labels if labels]
    mistakes = [
        labels for labels, label in zip(real_labels, images.labels, strict=True) if labels and label != 0
    ]
    assert noise.n == len(with_labels) < len(images)
    wrong = sum(0 not in labels for labels in with_labels)
    assert noise.error == pytest.approx(100 * wrong / noise.n)
    assert noise.mistakes == len(mistakes)
    assert noise.excused == sum(0 in labels for labels in mistakes)
