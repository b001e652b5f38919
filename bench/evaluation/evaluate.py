"""`evaluate`: from options to a run on disk."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import Images, open_images
from bench.data.classes import wordnet_ids
from bench.data.devkit import VALIDATION_IMAGES, Blacklist, find_blacklist, read_blacklist
from bench.data.file_names import is_imagenet, validation_number
from bench.device import resolve
from bench.distributed import ranks
from bench.errors import BenchError, DataError, ImplausibleLabels, UsageError
from bench.evaluation import engine
from bench.evaluation import run_folder as record
from bench.evaluation.label_check import Doubt
from bench.evaluation.precision import settle
from bench.evaluation.prepare import Setup, agree, check, set_up
from bench.options import Options
from bench.progress import Reporter, Silent
from bench.zoo import find
from bench.zoo.loading import fetch, load
from results.run import MANIFEST, Run, Shard, finish, write_manifest
from results.storage import place

SEEN = 60.0
"""Seconds after which a shared file system shows every machine what the others wrote, if it does at all."""


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
    for options in several:
        check(options)
        find(options.model)
        resolve(options)
    asked = [options.model for options in several]
    if asked != (first := ranks().from_first(lambda: asked)):
        raise BenchError(
            f"the first rank evaluates {', '.join(first)}, and this one {', '.join(asked)}: give all the same command"
        )
    images = _images(several[0], reporter)
    blacklist = _blacklist(several[0], images, reporter)
    with ExitStack() as held:
        works: list[_Work] = []
        for options in several:
            works.append(_prepare(options, images, held, works, reporter))
        alike: dict[object, list[_Work]] = {}
        for work in works:
            alike.setdefault((work.setup.looks, tuple(work.todo)), []).append(work)
        for together in alike.values():
            _do(together, images, reporter)
        ranks().wait()
        if ranks().first:
            for work in works:
                _finish(work, images, blacklist, reporter)
        ranks().wait()
        return [Run.open(work.folder) for work in works]


def run_several(models: str, options: Options, reporter: Reporter) -> list[Run]:
    """The runs of several networks: `models` lists NAME, NAME.TAG or NAME=FILE, with commas between. Raises `UsageError`."""
    words = [word.strip() for word in models.split(",") if word.strip()]
    several = [
        replace(options, model=name, weights=file or None)
        for name, _, file in (word.partition("=") for word in words)
    ]
    if not several:
        raise UsageError(
            f"--models {models!r} names no network: write NAME, NAME.TAG or NAME=FILE, by commas"
        )
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


def _prepare(
    options: Options, images: Images, held: ExitStack, before: Sequence[_Work], reporter: Reporter
) -> _Work:
    began = time.monotonic()
    if options.weights is None:
        agree(find(options.model).classes, images, options)  # before weights are fetched
    ranks().one_ahead(lambda: fetch(options.model, options.weights))
    network = load(options.model, options.weights, options.label_order)
    agree(network.classes, images, options)
    if network.prepared_otherwise:
        others = ", ".join(f"--model {name}" for name in network.prepared_otherwise)
        reporter.note(
            f"{options.weights} is taken for weights like {network.prepared_like}; others are prepared for differently: {others}"
        )
    setup = settle(options, set_up(options, network), images, reporter)
    asked = {
        "model": network.describe(),
        "data": _describe(images, options),
        **setup.describe(),
        "shard_images": engine.shard_size(setup.plan),
    }
    identity = record.identity(asked)
    if twice := next((work for work in before if work.identity == identity), None):
        raise UsageError(
            f"{options.model} and {twice.options.model} are the same network with the same weights: name it once"
        )
    doubt = Doubt(len(images.classes))

    def opened() -> tuple[str, dict[str, str], list[tuple[int, int]]]:
        run = held.enter_context(record.open_run(options, asked, reporter))
        todo = record.todo(
            run, lambda shard: _judge(doubt, shard, options), retry_skipped=not options.skip_unreadable
        )
        if todo:
            record.with_environment(run, reporter)
        return str(run.path), record.decisive(asked), [(part.start, part.stop) for part in todo]

    there, decisive, todo = ranks().from_first(opened)
    folder = place(there)
    if differs := [name for name, value in record.decisive(asked).items() if value != decisive[name]]:
        raise BenchError(
            f"the {' and '.join(differs)} differ here from those of the first rank: bring the same to all machines"
        )
    if not (folder / MANIFEST).exists():
        raise BenchError(
            f"{folder} is not where the first rank writes to: name an --out that all machines reach"
        )
    return _Work(options, setup, folder, identity, doubt, [range(*span) for span in todo], began)


def _do(alike: Sequence[_Work], images: Images, reporter: Reporter) -> None:
    """Evaluate what is to do, the same for all of them, and save the shards."""
    first = alike[0]
    if not first.todo:
        return
    if len(alike) > 1:
        reporter.note(
            f"{', '.join(work.options.model for work in alike)} look at the same crops, which are rendered once"
        )
    scorers = [work.setup.scorer(reporter.note) for work in alike]
    reporter.start(sum(map(len, first.todo)))
    made = engine.shards(
        images, ranks().hand_out(first.todo), first.setup.plan, first.setup.renderer(), scorers,
        runtime=first.setup.runtime, skip_unreadable=first.options.skip_unreadable, progress=ranks().progress(reporter.advance),
    )  # fmt: skip
    for shards in made:
        for work, shard in zip(alike, shards, strict=True):
            shard.save(work.folder / "shards", work.identity)
            _judge(work.doubt, shard, work.options)
    for work, scorer in zip(alike, scorers, strict=True):
        work.batch = scorer.batch


def _finish(work: _Work, images: Images, blacklist: Blacklist | None, reporter: Reporter) -> None:
    """Look through all shards, and mark the run as complete."""
    run = Run.open(work.folder)
    if work.batch:
        run = record.with_batch(run, work.batch)
    doubt = Doubt(len(images.classes))
    excluded: list[str] = []

    def look(shard: Shard) -> None:
        if ranks().size > 1:  # each has judged its own images alone
            _judge(doubt, shard, work.options)
        if blacklist:
            excluded.extend(record.excluded(shard, blacklist))

    if work.todo or not run.complete:
        _until_seen(run)
        run = finish(run, run.manifest["seconds"] + time.monotonic() - work.began, look)
    elif blacklist:
        for shard in run.shards():
            look(shard)
    if blacklist:
        run = record.with_blacklist(run, blacklist, excluded)
    _tell_of_skipped(run, images, reporter)


def _tell_of_skipped(run: Run, images: Images, reporter: Reporter) -> None:
    if len(run.skipped) == len(images):
        write_manifest(
            run.path, dict(run.manifest) | {"complete": False}
        )  # nothing to report: not a run that is whole
        raise DataError(
            f"none of the {len(images):,} images in {images.path} could be read: {next(iter(run.skipped.values()))}"
        )
    if run.skipped:
        reporter.note(
            f"{len(run.skipped):,} images could not be read and are left out; {run.path}/manifest.json lists them"
        )


def _until_seen(run: Run) -> None:
    """Wait for what other machines wrote, which a shared file system may show some seconds later."""
    began = time.monotonic()
    while (
        ranks().size > 1
        and time.monotonic() - began < SEEN
        and not all(run.shard_path(part).exists() for part in run.parts)
    ):
        time.sleep(1)


def _images(options: Options, reporter: Reporter) -> Images:
    images = open_images(options.data, options.labels, options.devkit)
    if images.ignored:
        reporter.note(
            f"{images.ignored:,} files in {images.path} are no images by their endings and are left aside"
        )
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
    found = (
        read_blacklist(options.blacklist)
        if options.blacklist
        else find_blacklist(images.place, options.devkit)
    )
    if found and not found.official and any(map(is_imagenet, images.ids)):
        reporter.note(
            f"{found.source} has {len(found.numbers):,} images and is not the challenge's list of 1,762"
        )
    if not any(validation_number(image_id) for image_id in images.ids):
        reporter.note(
            "no image is named ILSVRC2012_val_..., so none is on the blacklist: both image sets are the same"
        )
        return found or Blacklist(frozenset(), "no image of the validation set", "")
    if not found:
        reporter.note(
            "no blacklist in or beside the data: --blacklist with a devkit of 2014 or later gives the figures without it, too"
        )
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
