"""From proposals to a run, against Pillow and torch by hand."""

import runpy
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from bench.detection import detect as module
from bench.detection import regions, stored
from bench.detection.select import Selection
from bench.detection.stored import DetectionsRun
from bench.errors import DataError, UnreadableImage
from bench.evaluation import precision, run_place
from bench.evaluation.classify import Scorer
from bench.progress import Silent
from results.errors import RunError
from tests.bench.detection.conftest import EVERYTHING, REGIONS, SIZES, make_scene, write_proposals
from tests.conftest import drawn

BOX = ["xmin", "ymin", "xmax", "ymax"]


def table_of(run):
    return pd.read_csv(run.table, dtype={"score": np.float32})


def probabilities(image, boxes, model):
    """[regions x 3] a small network's, of regions that Pillow warps."""
    file, _, factory = model.rpartition(":")
    network, config = runpy.run_path(file)[factory]()
    mean, side = config["mean"], config["input_size"][1]
    width, height = image.size
    canvas = Image.new("RGB", (3 * width, 3 * height), tuple(round(255 * each) for each in mean))
    canvas.paste(image, (width, height))
    inputs = []
    for xmin, ymin, xmax, ymax in boxes:
        x, y = ((xmax + 1 - xmin) * 16 / 195, (ymax + 1 - ymin) * 16 / 195)
        edges = (xmin - x + width, ymin - y + height, xmax + 1 + x + width, ymax + 1 + y + height)
        tile = canvas.crop(tuple(int(np.floor(edge + 0.5)) for edge in edges))
        tile = tile.resize((side, side), Image.Resampling[config["interpolation"].upper()])
        inputs.append(normalize(to_tensor(tile), mean, config["std"]))
    with torch.no_grad():
        return network(torch.stack(inputs)).softmax(-1).numpy()


def check_scores(table, place, models, columns):
    """Each region has the networks' mean probability of each class, which `columns` has by name."""
    assert set(table["class"]) == columns.keys()
    for name, boxes in REGIONS.items():
        image = Image.open(place / "scene" / name)
        mean = np.mean([probabilities(image, boxes, model) for model in models], axis=0)
        of_image = table[table["image"] == name]
        assert len(of_image) == len(boxes) * len(columns)
        assert of_image["score"].is_monotonic_decreasing
        for row, box in enumerate(boxes):
            of_box = of_image[(of_image[BOX] == list(box)).all(axis=1)].set_index("class")["score"]
            for class_name, column in columns.items():
                assert of_box[class_name] == pytest.approx(mean[row, column], rel=1e-3)


def test_scores_are_those_of_regions_warped_and_classified_by_hand(everything, place, networks):
    check_scores(table_of(everything), place, networks[:1], {"cat": 0, "dog": 2})


def test_scores_of_two_networks_are_their_mean(find, place, networks):
    check_scores(table_of(find(",".join(networks[:2]))), place, networks[:2], {"cat": 0, "dog": 2})


def test_networks_of_different_inputs_are_averaged_as_those_of_one(find, networks, monkeypatch, tmp_path):
    @dataclass(frozen=True, eq=False)
    class OwnInput(regions.Sees):
        """It is equal to no other one."""

        __eq__ = object.__eq__
        __hash__ = object.__hash__

    together = find(",".join(networks[:2]))
    sees = regions.sees
    monkeypatch.setattr(regions, "sees", lambda evaluation: OwnInput(**vars(sees(evaluation))))
    apart = find(",".join(networks[:2]), out=tmp_path / "apart")
    assert apart.table.read_bytes() == together.table.read_bytes()


def test_class_more_than_the_data_names_is_the_background(find, networks, tmp_path):
    place = make_scene(tmp_path)
    (place / "scene" / "classes.txt").write_text("cat\nbird\n")
    run = find(data=place / "scene")
    assert (run.manifest.classes, run.manifest.background) == (("cat", "bird"), "background")
    check_scores(table_of(run), place, networks[:1], {"cat": 0, "bird": 1})


def test_selection_is_of_each_image(everything, find):
    found = table_of(find(selection=replace(EVERYTHING, most=3)))
    expected = table_of(everything).groupby("image", sort=False).head(3).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


@pytest.fixture
def saved_parts(monkeypatch):
    """A shard for each image, and the parts that were saved. After `stop_after` parts the command is
    interrupted.
    """
    monkeypatch.setattr(module, "SHARD_IMAGES", 1)
    save, parts = DetectionsRun.save, Parts()

    def save_or_stop(run, shard):
        if len(parts) == parts.stop_after:
            raise KeyboardInterrupt
        save(run, shard)
        parts.append(shard.part)

    monkeypatch.setattr(DetectionsRun, "save", save_or_stop)
    return parts


class Parts(list):
    stop_after = None


def files_of(run):
    """The bytes of the table and of the shards."""
    files = [run.path / "detections.csv", *sorted((run.path / "shards").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def test_stopped_run_is_continued_with_the_same_bytes(find, everything, saved_parts, monkeypatch, tmp_path):
    """Of four shards, two are kept as they are. Other versions, with which it is continued, are listed."""
    whole = find(out=tmp_path / "whole")
    pd.testing.assert_frame_equal(table_of(whole), table_of(everything), rtol=1e-4)
    del saved_parts[:]
    saved_parts.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        find()
    (folder,) = (tmp_path / "runs").iterdir()
    assert not (folder / "detections.csv").exists()
    saved_parts.stop_after = 4
    monkeypatch.setattr(stored, "environment", lambda: {"torch": "another"})
    continued = find()
    assert len(saved_parts) == 4
    assert continued.complete
    assert continued.manifest.environments[1:] == ({"torch": "another"},)
    assert files_of(continued) == files_of(whole)


def test_fresh_keeps_the_run_until_the_new_one_is_complete(find, saved_parts):
    """And the same call goes on where it was interrupted."""
    first = find()
    before, manifest = files_of(first), (first.path / "manifest.json").read_bytes()
    del saved_parts[:]
    saved_parts.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        find(fresh=True)
    assert (first.path / "manifest.json").read_bytes() == manifest
    assert files_of(find()) == before
    saved_parts.stop_after = 4
    again = find(fresh=True)
    assert (len(saved_parts), again.path, again.complete) == (4, first.path, True)
    assert files_of(again) == before
    assert again.manifest.started >= first.manifest.started
    assert sorted(path.name for path in first.path.iterdir() if path.name != ".lock") == [
        "detections.csv",
        "manifest.json",
        "shards",
    ]


@pytest.mark.parametrize("moved", range(6))
def test_replacing_a_run_goes_on_after_an_interruption(find, saved_parts, monkeypatch, moved):
    """Its four shards, its table and its manifest move, in this order."""
    before = files_of(find())
    move, calls = run_place.move, []

    def move_or_stop(source, target):
        if len(calls) == moved:
            raise KeyboardInterrupt
        calls.append(target)
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(run_place, "move", move_or_stop)
        with pytest.raises(KeyboardInterrupt):
            find(fresh=True)
    del saved_parts[:]
    run = find()
    assert (len(saved_parts), run.complete, files_of(run)) == (0, True, before)
    assert not (run.path / "fresh").exists()


def test_second_command_on_a_run_is_refused(find):
    run = find()
    with FileLock(run.path / ".lock"), pytest.raises(RunError, match="another command is working on"):
        find()


def test_unreadable_image_is_left_out_and_tried_again(find, everything, tmp_path, monkeypatch):
    """It is found by its header before, or once it is decoded. Repaired, it gets its detections."""
    monkeypatch.setattr(module, "SHARD_IMAGES", 2)
    place = make_scene(tmp_path)
    image = place / "scene" / "c.png"
    whole = image.read_bytes()
    for damaged in (bytes(len(whole)), whole[:60] + whole[:59:-1]):
        image.write_bytes(damaged)
        with pytest.raises(UnreadableImage, match=r"c.png in .*; repair it, or leave .* --skip-unreadable"):
            find(data=place / "scene")
        image.write_bytes(damaged)
        run = find(data=place / "scene", skip_unreadable=True)
        assert list(run.manifest.skipped) == ["c.png"]
        assert [shard.images for shard in run.manifest.shards] == [2, 1]
        expected = table_of(everything)
        expected = expected[expected["image"] != "c.png"].reset_index(drop=True)
        pd.testing.assert_frame_equal(table_of(run), expected, rtol=1e-4, check_dtype=False)
        image.write_bytes(whole)
        mended = find(data=place / "scene")
        assert (mended.path, mended.manifest.skipped) == (run.path, {})
        pd.testing.assert_frame_equal(table_of(mended), table_of(everything), rtol=1e-4)
        shutil.rmtree(run.path)


def test_repaired_image_counts_though_the_command_was_killed_before_the_end(
    find, everything, tmp_path, monkeypatch
):
    """Its shard is there then, and the table is still the old one."""
    place = make_scene(tmp_path)
    image = place / "scene" / "c.png"
    whole = image.read_bytes()
    image.write_bytes(bytes(len(whole)))
    left_out = find(data=place / "scene", skip_unreadable=True)
    image.write_bytes(whole)
    with monkeypatch.context() as patch:
        patch.setattr(DetectionsRun, "finish", None)
        with pytest.raises(TypeError):
            find(data=place / "scene")
    mended = find(data=place / "scene")
    assert (mended.path, mended.manifest.skipped) == (left_out.path, {})
    pd.testing.assert_frame_equal(table_of(mended), table_of(everything), rtol=1e-4)


def test_regions_of_a_repaired_image_are_compared_with_its_size(find, tmp_path):
    place = make_scene(tmp_path)
    image = place / "scene" / "c.png"
    whole = image.read_bytes()
    image.write_bytes(bytes(len(whole)))
    find(data=place / "scene", skip_unreadable=True)
    drawn(40, 40).save(image)
    image.write_bytes(image.read_bytes().ljust(len(whole)))  # else it is another run
    with pytest.raises(DataError, match=r"the region 0,0,30,200 is not within c.png, which has 40 x 40"):
        find(data=place / "scene")


def test_images_of_which_none_can_be_read_are_an_error(find, tmp_path):
    """b.png has no regions, so it is not read. The next command says so again, until one is repaired."""
    place = make_scene(tmp_path)
    images = {name: place / "scene" / name for name in REGIONS}
    whole = {name: image.read_bytes() for name, image in images.items()}
    for name, image in images.items():
        image.write_bytes(bytes(len(whole[name])))
    for _ in range(2):
        with pytest.raises(DataError, match=r"none of the 3 images in .*scene could be read: this is not"):
            find(data=place / "scene", skip_unreadable=True)
    images["d.png"].write_bytes(whole["d.png"])
    assert not list(tmp_path.rglob("detections.csv"))
    shutil.rmtree(tmp_path / "runs")
    assert list(find(data=place / "scene", skip_unreadable=True).manifest.skipped) == ["a.png", "c.png"]


def test_precision_is_that_of_the_earlier_run(find, networks, monkeypatch):
    """A command that reads a run, or continues it, compares nothing."""
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: True)
    monkeypatch.setattr(precision, "LONG_ON_CPU", 0.0)
    compared = []

    def disagreeing_later(way, reporter):
        compared.append(way.options.model)
        return 0 if len(compared) > 2 else 4, 4

    monkeypatch.setattr(precision, "count_agreement", disagreeing_later)
    both = ",".join(networks[:2])
    run = find(both)
    assert [runtime.precision for runtime in run.manifest.runtimes] == ["bf16", "bf16"]
    assert find(both).path == run.path
    assert find(networks[1]).manifest.runtimes == run.manifest.runtimes[1:]
    assert compared == networks[:2]
    find(networks[1], limit=3)  # other images
    assert compared == [*networks[:2], networks[1]]


def test_versions_are_noted_wherever_parts_are_made_again(find, monkeypatch):
    run = find()
    run.shard_path(range(4)).write_bytes(b"")
    monkeypatch.setattr(stored, "environment", lambda: {"torch": "another"})
    assert find().manifest.environments == (*run.manifest.environments, {"torch": "another"})
    monkeypatch.setattr(stored, "environment", lambda: {"torch": "a third"})
    assert len(find().manifest.environments) == 2


def test_manifest_has_what_the_user_passed(find, place, networks, tmp_path):
    models = ",".join(networks[:2])
    passed = {"data": str(place / "scene"), "out": str(tmp_path / "runs"), "device": "cpu", "workers": 2}
    assert find(models, data=passed["data"]).manifest.options == {"model": models, **passed}


def test_smallest_batch_is_noted(find, networks, monkeypatch):
    """A batch that does not fit in memory is halved."""
    classify = Scorer.classify

    def limited(scorer, inputs):
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return classify(scorer, inputs)

    monkeypatch.setattr(Scorer, "classify", limited)
    run = find(",".join(networks[:2]), batch=4)
    assert [runtime.batch for runtime in run.manifest.runtimes] == [2, 2]


def test_manifest_of_a_later_version_is_left_alone(find):
    run = find()
    file = run.path / "manifest.json"
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 2'))
    before = file.read_bytes()
    with pytest.raises(RunError, match=r"schema 2, this version reads 1: use the version that wrote it"):
        find()
    assert file.read_bytes() == before
    assert find(fresh=True).complete


def test_networks_without_background_are_noted(find, tmp_path):
    place = make_scene(tmp_path)
    (place / "scene" / "classes.txt").write_text("cat\nbird\ndog\n")
    notes = []
    reporter = Silent()
    reporter.note = notes.append
    find(data=place / "scene", reporter=reporter)
    assert "no class is called background: every region looks like some object" in notes


def test_finished_run_is_used_again_and_damage_is_mended(find, everything, monkeypatch, tmp_path):
    shutil.copytree(everything.path, tmp_path / "runs" / everything.path.name)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_detect_missing", None)
        run = find()
    files = [run.table, run.shard_path(range(4))]
    before = [file.read_bytes() for file in files]
    for file, data in zip(files, before, strict=True):
        file.write_bytes(data[:-1] + b"?")
        assert not (run.complete and run.load(range(4), list(SIZES)))
        assert find().complete
        assert [each.read_bytes() for each in files] == before


def test_batches_are_full_across_images(find, everything, monkeypatch):
    """And the few regions of an image that a thread warps at a time are those of the image, each once."""
    monkeypatch.setattr(regions, "MOST_CROPS", 2)
    sizes = []
    make = module.Evaluation.scorer

    def counting(evaluation, note):
        score = make(evaluation, note)
        classify = score.classify
        score.classify = lambda inputs: sizes.append(len(inputs)) or classify(inputs)
        return score

    monkeypatch.setattr(module.Evaluation, "scorer", counting)
    found = table_of(find(batch=3))
    assert sorted(sizes) == [1, 3, 3]
    pd.testing.assert_frame_equal(found, table_of(everything), rtol=1e-4)


def test_images_without_proposals_count_as_done(find, tmp_path):
    file = write_proposals(tmp_path / "few.csv", {"d.png": REGIONS["d.png"]})
    run = find(file=file)
    assert (run.manifest.data.images, [shard.images for shard in run.manifest.shards]) == (4, [4])
    assert set(table_of(run)["image"]) == {"d.png"}


@pytest.fixture
def work(find, monkeypatch):
    """What `detect` would do with some options."""
    monkeypatch.setattr(module, "_run", lambda work, folder, reporter: work)
    return find


def test_limit_leaves_out_the_regions_of_other_images(work):
    limited = work(limit=3)
    assert (len(limited.images), len(limited.proposals)) == (3, 6)


def test_what_decides_the_detections_decides_the_run(work):
    whole = work()
    changes = [
        {"selection": Selection()},
        {"selection": replace(EVERYTHING, most=5)},
        {"proposals": replace(whole.proposals, sha256="of others")},
        {"evaluations": whole.evaluations * 2},
        {"evaluations": [replace(whole.evaluations[0], images=whole.images.sample(3, None))]},
        {
            "evaluations": [
                replace(whole.evaluations[0], images=replace(whole.images, classes=("a", "b", "c")))
            ]
        },
    ]
    identities = {replace(whole, **change).identity for change in changes} | {whole.identity}
    assert len(identities) == len(changes) + 1


@pytest.mark.parametrize(
    ("crops", "images", "expected"),
    [
        (4096, 500, [range(4)]),
        (4, 500, [range(2), range(2, 4)]),
        (1, 500, [range(1), range(1, 2), range(2, 3), range(3, 4)]),
        (4096, 3, [range(3), range(3, 4)]),
    ],
)
def test_shards_have_whole_images_and_about_so_many_regions(work, monkeypatch, crops, images, expected):
    monkeypatch.setattr(module, "SHARD_CROPS", crops)
    monkeypatch.setattr(module, "SHARD_IMAGES", images)
    assert work().parts == expected
