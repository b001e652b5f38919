"""What several test modules use: the command line, made-up runs, probabilities, what a terminal shows."""

import json
import re
from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console
from typer.testing import CliRunner

from results.manifest import (
    BlacklistRecord,
    DataRecord,
    Manifest,
    ModelRecord,
    PlanRecord,
    ProtocolRecord,
    RuntimeRecord,
)
from results.run import SHARDS, Shard, finish, write_manifest

PLAN = PlanRecord(protocols={"1": ProtocolRecord(crops=1), "10": ProtocolRecord(crops=10)}, pool="mean")


def random_manifest(images=25, **changes):
    """The manifest of a run with ten images in a shard, before it has shards; `changes` are of its fields."""
    manifest = Manifest(
        identity="x",
        complete=False,
        model=ModelRecord(name="v3", provider="timm", architecture="inception_v3", tag="tf_in1k"),
        data=DataRecord(path="val", images=images, labels="labels.txt"),
        plan=PLAN,
        runtime=RuntimeRecord(device="cpu", precision="fp32", device_name="cpu"),
        shard_images=10,
        blacklist=None,
        skipped={},
        shards=(),
    )
    return replace(manifest, **changes)


def start_run(folder, images=25, **changes):
    """A run in `folder` without shards."""
    return write_manifest(folder, random_manifest(images, **changes))


def random_shard(start, stop, classes=10, skipped=None):
    """Random probabilities and labels for the images `image START` and on, but those that are skipped."""
    generator = np.random.default_rng(start)
    ids = [f"image {number}" for number in range(start, stop) if f"image {number}" not in (skipped or {})]
    probabilities = {
        name: generator.dirichlet(np.ones(classes), len(ids)).astype(np.float32) for name in ("1", "10")
    }
    return Shard(start, stop, ids, generator.integers(0, classes, len(ids)), probabilities, skipped or {})


def complete_run(run, shards):
    """The run with these shards, complete."""
    records = [shard.save(run.path / SHARDS, run.identity) for shard in shards]
    skipped = {image: reason for shard in shards for image, reason in shard.skipped.items()}
    return finish(run, records, skipped, 1.5)


def random_run(folder, seed, *, images=25, classes=10, label_seed=0, skipped=(), **changes):
    """A complete run of a network `net SEED`, of random probabilities.

    Runs of the same `label_seed` have the same labels. `skipped` are numbers of images; `changes` are of the
    manifest's fields.
    """
    model = ModelRecord(
        name=f"net{seed}",
        provider="timm",
        architecture="inception_v3",
        tag="tf_in1k",
        parameters=3,
        multiply_adds=5,
    )
    data = DataRecord(path="val", images=images, labels="labels.txt", fingerprint=f"labels {label_seed}")
    usual = {"identity": f"{seed} {folder.name}", "model": model, "data": data}
    run = start_run(folder, images, **usual | changes)
    labels = np.random.default_rng(label_seed).integers(0, classes, images)
    generator = np.random.default_rng(100 + seed)
    shards = []
    for part in run.parts:
        kept = [number for number in part if number not in skipped]
        probabilities = {
            name: generator.dirichlet(np.ones(classes), len(kept)).astype(np.float32) for name in ("1", "10")
        }
        reasons = {f"image {number}": "no image" for number in part if number in skipped}
        ids = [f"image {number}" for number in kept]
        shards.append(Shard(part.start, part.stop, ids, labels[kept], probabilities, reasons))
    return complete_run(run, shards)


def validation_run(folder, top1_errors, top5_errors, *, images=50_000, protocol="native", **changes):
    """A run of EfficientNet-Lite0 on images named like ImageNet's, of ten classes, with so many errors.

    timm publishes 25.154 and 7.820 for these weights: 12,577 and 3,910 errors in 50,000 images. `changes`
    are of the protocol's record.
    """
    model = ModelRecord(
        name="lite0", provider="timm", architecture="tf_efficientnet_lite0", tag="in1k", input_size=224
    )
    crop = {"resized": 256, "interpolation": "bicubic", "squash": False} | changes
    plan = PlanRecord(protocols={protocol: ProtocolRecord(crops=1, **crop)}, size=224, pool="mean")
    run = start_run(folder, images, identity=folder.name, model=model, plan=plan, shard_images=images)
    ranks = np.zeros(images, dtype=np.int64)  # those of the labels, as class 0 is the likeliest
    ranks[:top1_errors] = 4
    ranks[:top5_errors] = 5
    likeliest_first = np.array([0.31, 0.2, 0.15, 0.1, 0.08, 0.06, 0.04, 0.03, 0.02, 0.01], dtype=np.float32)
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(1, images + 1)]
    shard = Shard(0, images, ids, ranks, {protocol: np.tile(likeliest_first, (images, 1))})
    return complete_run(run, [shard])


def with_blacklist(run, *excluded):
    """The run with a blacklist that leaves these images out."""
    blacklist = BlacklistRecord(source="here", sha256="of the list", excluded=excluded)
    return write_manifest(run.path, replace(run.manifest, blacklist=blacklist))


def on_no_blacklist(run):
    """The run as it is on images that could not be on a blacklist."""
    blacklist = BlacklistRecord(source="no image of the validation set", sha256="", excluded=())
    return write_manifest(run.path, replace(run.manifest, blacklist=blacklist))


def pooled(run, protocol):
    """[n x classes] the run's probabilities under a protocol."""
    return np.concatenate([shard.probabilities[protocol] for shard in run.shards()])


def largest_difference(one, other, protocol):
    """Between the probabilities of two runs of the same images."""
    return np.abs(pooled(one, protocol) - pooled(other, protocol)).max()


def cli(*arguments, code=0):
    """Call the command line in this process; `code` is the exit code that it must have."""
    from bench.cli import app

    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


def cli_json(*arguments, code=0):
    """The JSON value that the command line prints with `--json`."""
    return json.loads(cli(*arguments, "--json", code=code).stdout)


def cli_error(*arguments, code):
    """The one line with which the command line fails, without the program's name."""
    done = cli(*arguments, code=code)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("inception-bench: "))
    assert (done.stdout, done.stderr.splitlines()[-1]) == ("", line)
    return line.removeprefix("inception-bench: ")


def terminal_lines(renderables, width=200):
    """What a terminal of this width shows, without styles."""
    console = Console(width=width, highlight=False, file=StringIO())
    for renderable in renderables:
        console.print(renderable, soft_wrap=bool(getattr(renderable, "no_wrap", False)), crop=False)
    return console.file.getvalue().splitlines()


def terminal_cells(renderables, width=200):
    """The cells of each line of the tables that a terminal shows."""
    return [cells for renderable in renderables for cells in table_cells(terminal_lines([renderable], width))]


def table_cells(lines):
    """The cells of each line of the tables in what a command printed."""
    starts = []
    for line in lines:
        if line.startswith("━"):
            starts = [rule.start() for rule in re.finditer("━+", line)]
        elif not line:
            starts = []
        elif starts and not line.startswith("─"):
            yield [line[start:stop].strip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]


def result_or_refusal(call, *errors):
    """(What the call returns, None), or (None, the message of the error that it raises)."""
    try:
        return call(), None
    except errors as error:
        return None, str(error)
