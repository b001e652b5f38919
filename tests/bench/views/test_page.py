"""The page of runs, and what the ReaL labels say of a run."""

import numpy as np
import pytest

import bench
from bench.data import open_images
from bench.views.page import page, real_noise
from results.errors import RunError
from results.manifest import PlanRecord, ProtocolRecord
from results.run import Shard
from results.tables import predictions
from tests.conftest import drawn
from tests.helpers import complete_run, start_run


def test_page_shows_the_first_mistakes_with_their_pictures(mini_runs):
    frames = [predictions(run, "144") for run in mini_runs]
    mistakes = [int((frame["top1"] != frame["label"]).sum()) for frame in frames]
    text = page(mini_runs, real=False)
    assert text.count("data:image/jpeg;base64,") == sum(min(number, 12) for number in mistakes) > 12
    assert "checked-star" in text
    assert len(text) < 2_000_000


def test_page_has_no_pictures_where_the_images_are_gone(evaluate, photos):
    run = evaluate()
    with_pictures = page([run], real=False).count("data:image/jpeg;base64,")
    assert with_pictures == 6
    (photos / "n01440764" / "photo0.JPEG").unlink()
    assert page([run], real=False).count("data:image/jpeg;base64,") == 5
    for path in photos.glob("*/*.JPEG"):
        path.unlink()
    assert page([run], real=False).count("data:image/jpeg;base64,") == 0


def test_runs_on_other_images_are_refused(mini_runs, tmp_path):
    other = bench.evaluate(limit=20, out=tmp_path)
    with pytest.raises(RunError, match="is on other images or labels than"):
        page([*mini_runs, other], real=False)


def test_real_labels_are_for_imagenet_alone(mini_runs):
    message = r"is not on ImageNet's validation images.*: leave --real away"
    with pytest.raises(RunError, match=message):
        page(mini_runs, real=True)
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
