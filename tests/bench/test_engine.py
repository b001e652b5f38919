"""The loop with a network that is arithmetic: batches, order, threads, errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.data import open_images
from bench.data.decode import decode
from bench.errors import BenchError, DataError, UnreadableImage
from bench.evaluation import engine
from bench.evaluation.prepare import set_up
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load
from crops import pool_scores
from tests.conftest import TINY


@pytest.fixture
def setup(tiny_weights):
    """Small batches, so that they cross the borders of images."""
    return lambda crops: set_up(
        Options(model=TINY, weights=str(tiny_weights), crops=crops, batch=7), load(TINY, str(tiny_weights))
    )


def evaluate(setup, photos, score, todo, **runtime):
    made = engine.shards(
        open_images(str(photos)), todo, setup.plan, setup.renderer(), [score],
        runtime=replace(setup.runtime, **runtime), skip_unreadable=False, progress=Silent().advance,
    )  # fmt: skip
    return [shard for (shard,) in made]


def brightness(pixels):
    """A thousand numbers for each crop that tell it from others, whatever its size."""
    means = pixels.double().mean((2, 3)).repeat(1, 334)[:, :1000]
    return (means / means.sum(1, keepdim=True)).float()


@pytest.mark.parametrize("crops", ["1", "12", "144", "dense", "10,dense"])
def test_each_crop_gets_the_scores_that_are_its_own(setup, photos, crops):
    """Against image by image, without batches or threads."""
    with_plan = setup(crops)
    (shard,) = evaluate(with_plan, photos, brightness, [range(6)])
    images, render = open_images(str(photos)), with_plan.renderer()
    for row in range(6):
        blocks, weights = render(decode(images.read(row)))
        scores = np.concatenate([brightness(crop[None]).numpy() for block in blocks for crop in block])
        expected = pool_scores(scores, weights, "mean")
        for number, name in enumerate(with_plan.plan.names):
            assert np.array_equal(shard.probabilities[name][row], expected[number])


def test_batches_are_full_but_for_the_last_of_a_range(setup, photos):
    sizes = []

    def score(pixels):
        sizes.append(len(pixels))
        return brightness(pixels)

    evaluate(setup("10"), photos, score, [range(4), range(4, 6)], streams=1)
    assert sizes == [7, 7, 7, 7, 7, 5, 7, 7, 6]


@pytest.mark.parametrize("crops", ["12", "dense"])
def test_no_number_of_threads_changes_a_bit(setup, photos, crops):
    with_plan = setup(crops)
    scorer = with_plan.scorer(Silent().note)
    todo = [range(4), range(4, 6)]
    runs = [
        evaluate(with_plan, photos, scorer, todo, workers=workers, streams=streams)
        for workers, streams in ((1, 1), (3, 2), (2, 4))
    ]
    for run in runs[1:]:
        for one, other in zip(runs[0], run, strict=True):
            assert one.ids == other.ids
            assert all(
                np.array_equal(one.probabilities[name], other.probabilities[name])
                for name in one.probabilities
            )


def test_an_error_of_the_network_ends_the_loop(setup, photos):
    def fail(pixels):
        raise BenchError("no more")

    with pytest.raises(BenchError, match="no more"):
        evaluate(setup("12"), photos, fail, [range(6)])


def test_an_image_that_cannot_be_read_ends_the_loop_after_what_was_whole(setup, photos):
    (photos / "n01484850" / "photo5.JPEG").write_bytes(b"\xff\xd8nothing")
    with_plan, made = setup("12"), []
    images = open_images(str(photos))
    shards = engine.shards(
        images, [range(4), range(4, 6)], with_plan.plan, with_plan.renderer(), [brightness],
        runtime=with_plan.runtime, skip_unreadable=False, progress=Silent().advance,
    )  # fmt: skip
    with pytest.raises(UnreadableImage, match=r"photo5\.JPEG in .*: this is not an image.*--skip-unreadable"):
        made.extend(shards)
    assert [(shard.start, shard.stop) for (shard,) in made] == [(0, 4)]


def test_an_output_that_is_not_finite_is_an_error(setup, photos):
    with pytest.raises(BenchError, match=r"output for .*photo0.JPEG is not finite"):
        evaluate(setup("1"), photos, lambda pixels: torch.full((len(pixels), 1000), torch.nan), [range(6)])


def test_a_disk_or_a_network_that_fails_is_no_fault_of_an_image(setup, photos):
    """With --skip-unreadable neither: what comes next may be read again."""
    found = open_images(str(photos))

    def read(i):
        if i == 3:
            raise ConnectionResetError(104, "Connection reset by peer")
        return found.read(i)

    single = setup("1")
    made = engine.shards(
        replace(found, read=read), [range(6)], single.plan, single.renderer(), [brightness],
        runtime=single.runtime, skip_unreadable=True, progress=Silent().advance,
    )  # fmt: skip
    with pytest.raises(
        DataError,
        match=r"photo\d.JPEG in .* cannot be read \(Connection reset by peer\): the same command continues",
    ):
        list(made)
