"""`evaluate`: from options to a run on disk."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import engine, record
from bench.data import Images, open_images
from bench.data.classes import wordnet_ids
from bench.data.devkit import VALIDATION_IMAGES, Blacklist, find_blacklist, read_blacklist
from bench.data.names import is_imagenet, validation_number
from bench.distributed import ranks
from bench.errors import DataError, ImplausibleLabels, UsageError
from bench.options import Options
from bench.plausibility import Doubt
from bench.precision import settle
from bench.progress import Reporter, Silent
from bench.runtime import resolve
from bench.setup import Setup, agree, check, set_up
from bench.zoo import find
from bench.zoo.loading import load
from results.run import Run, Shard, finish, write_manifest
from results.storage import place


def evaluate(reporter: Reporter | None = None, **options: Any) -> Run:
    """Evaluate one network on one data set and return the run, complete, on disk.

    The options are those of `bench.options.Options`, by name. The same call continues an unfinished run and gives
    back a finished one. Raises `BenchError`, `results.RunError` or `crops.ProtocolError`, each with a line to show.
    """
    return run_evaluation(Options(**options), reporter or Silent())


def run_evaluation(options: Options, reporter: Reporter) -> Run:
    """`evaluate` for options that are already put together."""
    return run_evaluations([options], reporter)[0]


def run_evaluations(several: Sequence[Options], reporter: Reporter) -> list[Run]:
    """The runs of several networks on the same images: `several` differ in model and weights alone.

    Networks that look at the same crops share their decoding and rendering. Under torchrun every rank calls this and makes
    shards of the same runs; the first one opens and finishes them.
    """
    group = ranks()
    for options in several:
        check(options)
        find(options.model)
        resolve(options)
    images = _images(several[0], reporter)
    blacklist = _blacklist(several[0], images, reporter)
    with ExitStack() as held:
        works = [_prepare(options, images, held, reporter) for options in several]
        groups: dict[object, list[_Work]] = {}
        for work in works:
            groups.setdefault((work.setup.looks, tuple(work.todo)), []).append(work)
        for together in groups.values():
            _do(together, images, reporter)
        group.wait()
        if group.first:
            for work in works:
                record.with_blacklist(_finished(work, images, reporter), blacklist)
        group.wait()
        return [Run.open(work.folder) for work in works]


def run_several(models: str, options: Options, reporter: Reporter) -> list[Run]:
    """The runs of several networks: `models` lists NAME, NAME.TAG or NAME=FILE, with commas between. Raises `UsageError`."""
    words = [word.strip() for word in models.split(",") if word.strip()]
    several = [replace(options, model=name, weights=file or None) for name, _, file in (word.partition("=") for word in words)]
    if not several:
        raise UsageError(f"--models {models!r} names no network: write NAME, NAME.TAG or NAME=FILE, by commas")
    for one in several:
        if one.weights and not Path(one.weights).expanduser().is_file():
            raise UsageError(f"no weights at {one.weights}: write --models NAME=FILE, or NAME.TAG for a tag")
    return run_evaluations(several, reporter)


@dataclass
class _Work:
    """One network's part of an evaluation: its setup, its run's folder and identity, and the ranges of images still to do."""

    options: Options
    setup: Setup
    folder: Path
    identity: str
    doubt: Doubt
    todo: list[range]
    began: float
    batch: int = 0


def _prepare(options: Options, images: Images, held: ExitStack, reporter: Reporter) -> _Work:
    began = time.monotonic()
    if options.weights is None:
        agree(find(options.model).classes, images, options)  # before weights are fetched
    network = load(options.model, options.weights, options.label_order)
    agree(network.classes, images, options)
    if network.prepared_otherwise:
        others = ", ".join(f"--model {name}" for name in network.prepared_otherwise)
        reporter.note(f"{options.weights} is taken for weights like {network.prepared_like}; others are prepared for differently: {others}")
    setup = settle(options, set_up(options, network), images, reporter)
    asked = {
        "model": network.describe(),
        "data": _describe(images, options),
        **setup.describe(),
        "shard_images": engine.shard_size(setup.plan),
    }
    identity = record.identity(asked)
    doubt = Doubt(len(images.classes))

    def opened() -> tuple[str, str, list[tuple[int, int]]]:
        run = held.enter_context(record.open_run(options, asked, reporter))
        todo = record.todo(run, lambda shard: _judge(doubt, shard, options), retry_skipped=not options.skip_unreadable)
        if todo:
            record.with_environment(run, reporter)
        return str(run.path), run.identity, [(part.start, part.stop) for part in todo]

    folder, first, todo = ranks().from_first(opened)
    if first != identity:
        raise UsageError(f"{options.data} or the weights of {options.model} differ from those of the first rank: bring the same files")
    return _Work(options, setup, place(folder), identity, doubt, [range(*span) for span in todo], began)


def _do(group: Sequence[_Work], images: Images, reporter: Reporter) -> None:
    """Evaluate what is to do, the same for all of the group, and save the shards."""
    first = group[0]
    if not first.todo:
        return
    if len(group) > 1:
        reporter.note(f"{', '.join(work.options.model for work in group)} look at the same crops, which are rendered once")
    scorers = [work.setup.scorer(reporter.note) for work in group]
    reporter.start(sum(map(len, first.todo)))
    made = engine.shards(
        images, ranks().hand_out(first.todo), first.setup.plan, first.setup.renderer(), scorers,
        runtime=first.setup.runtime, skip_unreadable=first.options.skip_unreadable, progress=ranks().progress(reporter.advance),
    )  # fmt: skip
    for shards in made:
        for work, shard in zip(group, shards, strict=True):
            shard.save(work.folder / "shards", work.identity)
            _judge(work.doubt, shard, work.options)
    for work, scorer in zip(group, scorers, strict=True):
        work.batch = scorer.batch


def _finished(work: _Work, images: Images, reporter: Reporter) -> Run:
    run = Run.open(work.folder)
    if work.batch:
        run = record.with_batch(run, work.batch)
    if work.todo or not run.complete:
        run = finish(run, run.manifest["seconds"] + time.monotonic() - work.began)
    if ranks().size > 1:  # each of them has judged its own images alone
        doubt = Doubt(len(images.classes))
        record.todo(run, lambda shard: _judge(doubt, shard, work.options), retry_skipped=False)
    if len(run.skipped) == len(images):
        write_manifest(run.path, dict(run.manifest) | {"complete": False})  # nothing to report: not a run that is whole
        raise DataError(f"none of the {len(images):,} images in {images.path} could be read: {next(iter(run.skipped.values()))}")
    if run.skipped:
        reporter.note(f"{len(run.skipped):,} images could not be read and are left out; {run.path}/manifest.json lists them")
    return run


def _images(options: Options, reporter: Reporter) -> Images:
    images = open_images(options.data, options.labels, options.devkit)
    if images.ignored:
        reporter.note(f"{images.ignored:,} files in {images.path} are no images by their endings and are left aside")
    validation = sum(map(is_imagenet, images.ids))
    if validation == len(images) != VALIDATION_IMAGES:
        reporter.note(f"{len(images):,} of the {VALIDATION_IMAGES:,} validation images are here")
    images = images.sample(options.limit, options.shuffle_seed)
    present = len(set(images.labels.tolist()))
    if present < len(images.classes):
        reporter.note(f"{present:,} of the {len(images.classes):,} classes have images here")
    return images


def _blacklist(options: Options, images: Images, reporter: Reporter) -> Blacklist | None:
    """The blacklist; an empty one where no image can be on it; None where the second image set cannot be told."""
    found = read_blacklist(options.blacklist) if options.blacklist else find_blacklist(images.place, options.devkit)
    if found and not found.official and any(map(is_imagenet, images.ids)):
        reporter.note(f"{found.source} has {len(found.numbers):,} images and is not the challenge's list of 1,762")
    if not any(validation_number(image_id) for image_id in images.ids):
        reporter.note("no image is named ILSVRC2012_val_..., so none is on the blacklist: both image sets are the same")
        return found or Blacklist(frozenset(), "no image of the validation set", "")
    if not found:
        reporter.note("no blacklist in or beside the data: --blacklist with a devkit of 2014 or later gives the figures without it, too")
    return found


def _describe(images: Images, options: Options) -> dict[str, Any]:
    return {
        "path": images.path,
        "images": len(images),
        "fingerprint": images.fingerprint(),
        "labels": images.label_source,
        "classes": None if images.classes == wordnet_ids() else list(images.classes),
        "limit": options.limit,
        "shuffle_seed": options.shuffle_seed,
    }


def _judge(doubt: Doubt, shard: Shard, options: Options) -> None:
    """Stop when predictions and labels cannot be about the same classes."""
    largest = list(shard.probabilities.values())[-1]
    predicted = largest.argmax(axis=1) if len(largest) else np.empty(0, dtype=np.int64)
    if not options.allow_implausible and (wrong := doubt.after(predicted, shard.labels)):
        raise ImplausibleLabels(wrong)
