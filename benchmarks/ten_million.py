"""Time and memory of everything except pixels, with ten million made-up images.

    python benchmarks/ten_million.py [IMAGES] [FOLDER]

Each step is a process of its own, and prints its time and its peak memory, which it reads as Linux reports
it. The steps write to FOLDER, which must not exist and is deleted at the end. Ten million images need 1.5 GB
of disk.
"""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CLASSES = 10
"""Of the label files and the written shards."""

SHARD_IMAGES = 500
"""Images in a written shard."""


def image_names(images: int) -> list[str]:
    return [f"{number:08d}.jpg" for number in range(images)]


def write_label_files(images: int, folder: Path) -> None:
    """Write the labels in order, and by name from the last to the first."""
    with (folder / "in_order.txt").open("w") as in_order, (folder / "by_name.txt").open("w") as by_name:
        for number in range(images):
            last = images - 1 - number
            in_order.write(f"{number % CLASSES}\n")
            by_name.write(f"{last:08d}.jpg {last % CLASSES}\n")


def read_labels_in_order(images: int, folder: Path) -> None:
    _read_labels(folder / "in_order.txt", images)


def read_labels_by_name(images: int, folder: Path) -> None:
    _read_labels(folder / "by_name.txt", images)


def _read_labels(path: Path, images: int) -> None:
    from bench.data.label_file import read_label_file

    labels = read_label_file(path, image_names(images), _class_names(CLASSES))
    assert np.array_equal(labels, np.arange(images) % CLASSES)


def _class_names(number: int) -> tuple[str, ...]:
    return tuple(f"class{index}" for index in range(number))


def open_and_finish_run(images: int, folder: Path) -> None:
    """Do what an evaluation does before and after the images: 144 crops, 28 images in a shard."""
    from bench.data import Images
    from bench.evaluation.prepare import prepare_loaded
    from bench.evaluation.run_folder import open_run
    from bench.options import Options
    from bench.progress import Silent
    from bench.zoo.loading import load
    from results.manifest import ShardRecord
    from results.run import Run, finish

    network = load("mini-v3")
    made_up = Images(
        path="made up",
        ids=image_names(images),
        labels=np.arange(images) % network.classes,
        sizes=np.full(images, 100_000),
        read=lambda i: b"",
        label_source="made up",
        classes=_class_names(network.classes),
    )
    options = Options(crops="144", out=folder / "planned")
    evaluation = prepare_loaded(options, made_up, None, network, Silent())
    with open_run(evaluation, Silent()) as run:
        assert run.stored
        assert run.missing == run.stored.parts
        records = [
            ShardRecord(start=part.start, stop=part.stop, images=len(part), sha256=f"{part.start:064x}")
            for part in run.missing
        ]
        finish(run.stored, records, {}, seconds=1.0)
    assert Run.open(run.path).complete


def write_run(images: int, folder: Path) -> None:
    """Write a run of single crops with random predictions."""
    from results.manifest import (
        DataRecord,
        Manifest,
        ModelRecord,
        PlanRecord,
        ProtocolRecord,
        RuntimeRecord,
    )
    from results.run import SHARDS, Shard, finish, write_manifest

    manifest = Manifest(
        identity="made up",
        complete=False,
        model=ModelRecord(name="made-up", provider="", architecture="", weights="none"),
        data=DataRecord(path="made up", images=images, classes=_class_names(CLASSES)),
        plan=PlanRecord(protocols={"1": ProtocolRecord(crops=1)}, pool="mean"),
        runtime=RuntimeRecord(device="none", precision="fp32", device_name="none"),
        shard_images=SHARD_IMAGES,
        blacklist=None,
        skipped={},
        shards=(),
    )
    run = write_manifest(folder / "run", manifest)
    generator = np.random.default_rng(0)
    records = []
    for part in run.parts:
        probabilities = generator.random((len(part), CLASSES), dtype=np.float32)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        ids = [f"{number:08d}.jpg" for number in part]
        shard = Shard(part.start, part.stop, ids, np.array(part) % CLASSES, {"1": probabilities})
        records.append(shard.save(run.path / SHARDS, run.identity))
    finish(run, records, {}, seconds=1.0)


def verify_and_report(images: int, folder: Path) -> None:
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    table = accuracy([Run.open(folder / "run")])
    assert table["n"].tolist() == [images]
    print(FORMATS["md"](table))


STEPS: tuple[Callable[[int, Path], None], ...] = (
    write_label_files,
    read_labels_in_order,
    read_labels_by_name,
    open_and_finish_run,
    write_run,
    verify_and_report,
)
"""Each takes the number of images and the folder."""


def main() -> None:
    """Run all steps; or, in a process that this function started, the one that the third argument names."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "ten_million")
    if len(sys.argv) > 3:
        run_step(next(step for step in STEPS if step.__name__ == sys.argv[3]), images, folder)
        return
    folder.mkdir(parents=True)
    try:
        for step in STEPS:
            subprocess.run([sys.executable, __file__, str(images), str(folder), step.__name__], check=True)
    finally:
        shutil.rmtree(folder)


def run_step(step: Callable[[int, Path], None], images: int, folder: Path) -> None:
    """Run a step, and print its time and its peak memory."""
    began = time.perf_counter()
    step(images, folder)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step.__name__:<20}{seconds:>8.1f} s{peak:>10,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
