"""Memory and time of what does not touch pixels, on made-up images: labels, list, plan, manifest, shards, report.

    python benchmarks/ten_million.py [IMAGES] [FOLDER]

Each step runs in a process of its own and says how much memory it had at most. Needs 1.5 GB of disk for ten million.
"""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

CLASSES = tuple(f"class{number}" for number in range(10))


def names(images: int) -> list[str]:
    return [f"{number:08d}.jpg" for number in range(images)]


def label_files(images: int, folder: Path) -> None:
    """Labels in order, and by name from the last to the first."""
    with (folder / "in_order.txt").open("w") as in_order, (folder / "by_name.txt").open("w") as by_name:
        for number in range(images):
            in_order.write(f"{number % 10}\n")
            by_name.write(f"{images - 1 - number:08d}.jpg {(images - 1 - number) % 10}\n")


def labels_in_order(images: int, folder: Path) -> None:
    _read_labels(folder / "in_order.txt", images)


def labels_by_name(images: int, folder: Path) -> None:
    _read_labels(folder / "by_name.txt", images)


def _read_labels(path: Path, images: int) -> None:
    from bench.data.labels import read_label_file

    labels = read_label_file(path, names(images), CLASSES)
    assert np.array_equal(labels, np.arange(images) % 10)


def plan_and_manifest(images: int, folder: Path) -> None:
    """What an evaluation does before and after the images: 144 crops, 28 images in a shard."""
    from bench.data import Images
    from bench.evaluation import engine
    from bench.evaluation import run_folder as record
    from bench.evaluation.prepare import set_up
    from bench.options import Options
    from bench.progress import Silent
    from bench.zoo.loading import load
    from results.run import Run, write_manifest

    options = Options(crops="144", out=folder / "planned")
    setup = set_up(options, load("mini-v3"))
    labels = np.arange(images) % 10
    found = Images(
        "made up", names(images), labels, np.full(images, 100_000), lambda i: b"", "made up", classes=CLASSES
    )
    data = {
        "path": "made up",
        "images": images,
        "fingerprint": found.fingerprint(),
        "labels": "",
        "classes": list(CLASSES),
    }
    step = engine.shard_size(setup.plan)
    asked = {"model": setup.network.describe(), "data": data, **setup.describe(), "shard_images": step}
    with record.open_run(options, asked, Silent()) as run:
        assert len(record.todo(run, lambda shard: None, retry_skipped=True)) == -(-images // step)
    listed = [
        {"start": part.start, "stop": part.stop, "images": len(part), "sha256": f"{part.start:064x}"}
        for part in run.parts
    ]
    write_manifest(run.path, dict(run.manifest) | {"complete": True, "seconds": 1.0, "shards": listed})
    assert Run.open(run.path).complete


def shards(images: int, folder: Path) -> None:
    """Write a run of single crops: 500 images in a shard."""
    from results.run import Shard, finish, write_manifest

    generator = np.random.default_rng(0)
    state = {"complete": False, "skipped": {}, "shards": [], "blacklist": None, "environments": []}
    network = {
        "name": "made-up",
        "paper": "",
        "provider": "",
        "architecture": "",
        "tag": "",
        "weights": "none",
    }
    runtime = {"precision": "fp32", "device_name": "none"}
    about = {"model": network, "plan": {"protocols": {"1": {"crops": 1}}, "pool": "mean"}, "runtime": runtime}
    data = {"images": images, "path": "made up", "labels": "", "fingerprint": "", "classes": list(CLASSES)}
    run = write_manifest(
        folder / "run", {"identity": "made up", "data": data, "shard_images": 500} | about | state
    )
    for some in run.parts:
        probabilities = generator.random((len(some), 10), dtype=np.float32)
        ids = [f"{number:08d}.jpg" for number in some]
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        Shard(some.start, some.stop, ids, np.array(some) % 10, {"1": probabilities}).save(
            run.path / "shards", run.identity
        )
    finish(run, 1.0)


def report(images: int, folder: Path) -> None:
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    table = accuracy([Run.open(folder / "run")])
    assert table["n"].tolist() == [images]
    print(FORMATS["md"](table))


STEPS: tuple[Callable[[int, Path], None], ...] = (
    label_files,
    labels_in_order,
    labels_by_name,
    plan_and_manifest,
    shards,
    report,
)


def main() -> None:
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "ten_million")
    if len(sys.argv) > 3:
        step = next(step for step in STEPS if step.__name__ == sys.argv[3])
        began = time.perf_counter()
        step(images, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{step.__name__:<20}{time.perf_counter() - began:>8.1f} s{peak:>10,.0f} MiB", flush=True)
        return
    folder.mkdir(parents=True)
    try:
        for step in STEPS:
            subprocess.run([sys.executable, __file__, str(images), str(folder), step.__name__], check=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
