"""Images that are replaced while a run is made, or after it."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from bench.data.images import content_hash
from bench.errors import DataError
from bench.evaluation import engine
from results import storage
from results.comparison import compare
from results.ensemble import ensemble
from results.errors import RunError
from tests.conftest import TINY
from tests.helpers import cli, cli_json


@pytest.fixture
def numbered(tmp_path):
    """A folder of six pictures as BMP: of the same size in bytes, whatever they show."""
    folder = tmp_path / "bitmaps" / "n01440764"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.bmp").write_bytes(bitmap(number))
    return folder


def bitmap(seed):
    levels = np.random.default_rng(seed).integers(0, 256, (160, 160, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "BMP")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """Two images in a shard of single crops."""
    monkeypatch.setattr(engine, "SHARD_IMAGES", 2)


def content_of(run):
    return [hashed for shard in run.shards() for hashed in shard.content.tolist()]


def test_shards_have_the_hash_of_each_file(evaluate, numbered):
    expected = [content_hash(path.read_bytes()) for path in sorted(numbered.iterdir())]
    run = evaluate(data=numbered.parent)
    assert content_of(run) == expected
    archive = shutil.make_archive(str(numbered.parent), "tar", numbered.parent)
    assert content_of(evaluate(data=archive, out=run.path.parent / "of a tar")) == expected


def test_image_that_grows_during_the_evaluation_ends_it(evaluate, numbered, tmp_path, monkeypatch):
    """What was evaluated before stays; the next command sees other images, which is another run."""
    original = evaluate(data=numbered.parent, out=tmp_path / "original")
    read = storage.read

    def read_and_let_another_grow(path, *place):
        if path.name == "0.bmp":
            (numbered / "5.bmp").write_bytes(bitmap(5) + b"more")
        return read(path, *place)

    monkeypatch.setattr(storage, "read", read_and_let_another_grow)
    with pytest.raises(DataError, match=r"5\.bmp in .* was replaced: it has 76,858 bytes, and had 76,854"):
        evaluate(data=numbered.parent, workers=1)
    monkeypatch.undo()
    assert evaluate(data=numbered.parent).identity != original.identity


def test_verify_evaluates_the_replaced_images_again(evaluate, numbered):
    before = evaluate(data=numbered.parent)
    files = [before.shard_path(part).read_bytes() for part in before.parts]
    (numbered / "3.bmp").write_bytes(bitmap(33))
    assert evaluate(data=numbered.parent).manifest.shards == before.manifest.shards
    after = evaluate(data=numbered.parent, verify=True)
    assert after.path == before.path
    again = [after.shard_path(part).read_bytes() for part in after.parts]
    assert [old == new for old, new in zip(files, again, strict=True)] == [True, False, True]
    assert content_of(after)[3] == content_hash(bitmap(33))
    assert evaluate(data=numbered.parent, verify=True).manifest.shards == after.manifest.shards


def test_doctor_names_the_images_that_were_replaced_after_the_run(evaluate, numbered, tiny_weights, tmp_path):
    out = tmp_path / "runs"
    command = ("doctor", "--model", TINY, "--weights", tiny_weights, "--data", numbered.parent, "--out", out)
    evaluate(data=numbered.parent, out=out)
    found = {finding["subject"]: finding for finding in cli_json(*command, "--read")["findings"]}
    assert found["run"]["state"] == "ok"
    assert found["run"]["text"].startswith("6 images are what ")
    (numbered / "3.bmp").write_bytes(bitmap(33))
    printed = " ".join(cli(*command, "--read", code=1).stdout.split())
    assert "run n01440764/3.bmp is not what " in printed
    assert "was evaluated on: eval --verify evaluates anew" in printed


def test_runs_that_saw_other_files_are_not_compared(evaluate, numbered, tmp_path):
    one = evaluate(data=numbered.parent, out=tmp_path / "one", pool="mean")
    (numbered / "3.bmp").write_bytes(bitmap(33))
    other = evaluate(data=numbered.parent, out=tmp_path / "other", pool="max")
    message = r"n01440764/3\.bmp had another content for .* than for .*--verify read the images again"
    with pytest.raises(RunError, match=message):
        compare(one, other)
    same_pooling = evaluate(data=numbered.parent, out=tmp_path / "third", interpolation="bilinear")
    with pytest.raises(RunError, match=message):
        ensemble([one, same_pooling], tmp_path / "ensembles")
