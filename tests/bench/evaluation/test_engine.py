"""The loop over the images, with a network that is arithmetic: batches, order, threads, errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.data.decode import decode
from bench.errors import BenchError, DataError, UnreadableImage
from bench.evaluation import chunks
from bench.evaluation.engine import Pipeline
from crops import pool_scores
from tests.bench.evaluation.conftest import brightness


def pipeline_of(evaluation, score, **runtime):
    """A pipeline with `score` for a network."""
    changed = replace(evaluation.runtime, **runtime)
    return Pipeline(evaluation.images, evaluation.sees, [score], changed)


def shards_of(evaluation, score, parts, **runtime):
    return [shard for (shard,) in pipeline_of(evaluation, score, **runtime).shards(parts)]


@pytest.mark.parametrize("crops", ["1", "12", "144", "dense", "10,dense"])
def test_each_crop_gets_its_own_scores(prepared, crops):
    """Against image by image, without batches or threads."""
    evaluation = prepared(crops)
    (shard,) = shards_of(evaluation, brightness, [range(6)])
    for row in range(6):
        image = decode(evaluation.images.read(row))
        patches, weights = evaluation.sees.patches(image)
        blocks = evaluation.sees.crops([image], [patches])
        scores = [brightness(crop[None]).numpy() for block in blocks for crop in block.levels]
        expected = pool_scores(np.concatenate(scores), weights, "mean")
        for number, name in enumerate(evaluation.plan.names):
            assert np.array_equal(shard.probabilities[name][row], expected[number])


def test_batches_are_full_except_the_last_of_a_part(prepared):
    sizes = []

    def score(pixels):
        sizes.append(len(pixels))
        return brightness(pixels)

    shards_of(prepared("10"), score, [range(4), range(4, 6)], streams=1)
    assert sizes == [7, 7, 7, 7, 7, 5, 7, 7, 6]


@pytest.mark.parametrize("crops", ["12", "dense"])
def test_number_of_threads_changes_no_bit(prepared, crops):
    evaluation = prepared(crops)
    scorer = evaluation.scorer()
    parts = [range(4), range(4, 6)]
    threads = ((1, 1), (3, 2), (2, 4))
    first, *others = (
        shards_of(evaluation, scorer, parts, workers=workers, streams=streams) for workers, streams in threads
    )
    for shards in others:
        for one, other in zip(first, shards, strict=True):
            assert one.ids == other.ids
            for name in one.probabilities:
                assert np.array_equal(one.probabilities[name], other.probabilities[name])


@pytest.mark.parametrize("crops", ["1", "10", "dense"])
def test_size_of_the_chunks_changes_no_bit(prepared, monkeypatch, crops):
    evaluation = prepared(crops)
    found = []
    for images, decoded in ((16, 2**26), (4, 2**26), (16, 200_000), (1, 1)):
        monkeypatch.setattr(chunks, "MOST_IMAGES", images)
        monkeypatch.setattr(chunks, "MOST_BYTES", decoded)
        found.append(shards_of(evaluation, brightness, [range(5), range(5, 6)]))
    for shards in found[1:]:
        for one, other in zip(found[0], shards, strict=True):
            assert (one.ids, one.content.tolist()) == (other.ids, other.content.tolist())
            for name in one.probabilities:
                assert np.array_equal(one.probabilities[name], other.probabilities[name])


def test_parts_are_taken_when_they_are_needed(prepared):
    """The last parts are not taken before the first shard is out: other ranks may take them."""
    taken = []

    def parts():
        for start in range(6):
            taken.append(start)
            yield range(start, start + 1)

    pipeline = pipeline_of(prepared("144"), brightness, workers=1, streams=1)
    shards = pipeline.shards(parts())
    next(shards)
    assert len(taken) <= 4
    assert len(list(shards)) == 5


def test_error_of_the_network_ends_the_loop(prepared):
    def fail(pixels):
        raise BenchError("no more")

    with pytest.raises(BenchError, match="no more"):
        shards_of(prepared("12"), fail, [range(6)])


def test_unreadable_image_ends_the_loop_after_the_parts_before_it(prepared, photos):
    (photos / "n01484850" / "photo5.JPEG").write_bytes(b"\xff\xd8nothing")
    finished = []
    shards = pipeline_of(prepared("12"), brightness).shards([range(4), range(4, 6)])
    with pytest.raises(
        UnreadableImage,
        match=r"photo5\.JPEG in .*: this is not an image of a known format.*--skip-unreadable",
    ):
        finished.extend(shards)
    assert [(shard.start, shard.stop) for (shard,) in finished] == [(0, 4)]


def test_output_that_is_not_finite_is_an_error(prepared):
    with pytest.raises(BenchError, match=r"output for .*photo0.JPEG is not finite"):
        shards_of(prepared("1"), lambda pixels: torch.full((len(pixels), 1000), torch.nan), [range(6)])


def test_failing_disk_is_not_an_unreadable_image(prepared):
    """Not with --skip-unreadable either: the image may be readable the next time."""
    evaluation = prepared("1")
    found = evaluation.images

    def read(i):
        if i == 3:
            raise ConnectionResetError(104, "Connection reset by peer")
        return found.read(i)

    failing = replace(evaluation, images=replace(found, read=read))
    shards = pipeline_of(failing, brightness).shards([range(6)], skip_unreadable=True)
    message = r"photo\d.JPEG in .* cannot be read \(Connection reset by peer\): the same command continues"
    with pytest.raises(DataError, match=message):
        list(shards)
