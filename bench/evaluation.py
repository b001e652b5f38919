"""`evaluate`: from options to a run on disk."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench import engine, record
from bench.data import Images, open_images
from bench.data.classes import wordnet_ids
from bench.data.decode import LARGEST
from bench.data.devkit import VALIDATION_IMAGES, Blacklist, find_blacklist, read_blacklist
from bench.data.names import is_imagenet, validation_number
from bench.errors import DataError, ImplausibleLabels, UsageError
from bench.options import Options
from bench.plausibility import Doubt
from bench.progress import Reporter, Silent
from bench.render import RENDERERS, renderer
from bench.runtime import Runtime, resolve, scorer
from bench.zoo import find
from bench.zoo.loading import LoadedNetwork, load
from bench.zoo.networks import unknown
from crops import DIALECTS, POOLS, Dialect, Normalisation, Plan, dialect, parse, parse_scales
from crops.pillow import RESAMPLING
from results.run import Run, Shard, finish, write_manifest


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

    Networks that look at the same crops share their decoding and rendering.
    """
    for options in several:
        check(options)
        find(options.model)
        resolve(options)
    images = _images(several[0], reporter)
    blacklist = _blacklist(several[0], images, reporter)
    works = [_prepare(options, images, reporter) for options in several]
    groups: dict[object, list[_Work]] = {}
    for work in works:
        groups.setdefault((work.plan, work.interpolation, work.kind, work.runtime, tuple(work.todo)), []).append(work)
    for group in groups.values():
        _do(group, images, reporter)
    return [record.with_blacklist(_finished(work, images, reporter), blacklist) for work in works]


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
    """One network's part of an evaluation: its run, what it looks at, and the ranges of images still to do."""

    options: Options
    network: LoadedNetwork
    runtime: Runtime
    plan: Plan | Dialect
    interpolation: str
    kind: str
    run: Run
    doubt: Doubt
    todo: list[range]
    began: float


def _prepare(options: Options, images: Images, reporter: Reporter) -> _Work:
    began = time.monotonic()
    if options.weights is None:
        agree(find(options.model).classes, images, options)  # before weights are fetched
    network = load(options.model, options.weights, options.label_order)
    agree(network.classes, images, options)
    if network.prepared_otherwise:
        others = ", ".join(f"--model {name}" for name in network.prepared_otherwise)
        reporter.note(f"{options.weights} is taken for weights like {network.prepared_like}; others are prepared for differently: {others}")
    runtime = resolve(options).with_batch_for(network.preprocessing.size)
    plan = _plan(options, network)
    interpolation = plan.interpolation if isinstance(plan, Dialect) else _interpolation(options, network)
    kind = options.renderer if options.renderer != "auto" else "pillow" if isinstance(plan, Dialect) else "tensor"
    renderer(plan, kind, interpolation, runtime.device)  # what cannot be rendered shows before a run is begun
    asked = {
        "model": network.describe(),
        "data": _describe(images, options),
        "plan": plan.describe() | {"interpolation": interpolation, "renderer": kind},
        "runtime": runtime.describe(),
        "shard_images": engine.shard_size(plan),
    }
    run = record.open_run(options, asked, reporter)
    doubt = Doubt(len(images.classes))
    todo = record.todo(run, lambda shard: _judge(doubt, shard, options), retry_skipped=not options.skip_unreadable)
    if todo:
        run = record.with_environment(run, reporter)
    return _Work(options, network, runtime, plan, interpolation, kind, run, doubt, todo, began)


def _do(group: Sequence[_Work], images: Images, reporter: Reporter) -> None:
    """Evaluate what is to do, the same for all of the group, and save the shards."""
    first = group[0]
    if not first.todo:
        return
    if len(group) > 1:
        reporter.note(f"{', '.join(work.options.model for work in group)} look at the same crops, which are rendered once")
    scores = [scorer(work.network, work.runtime, _normalisation(work), logits=work.plan.pool == "logits") for work in group]
    reporter.start(sum(map(len, first.todo)))
    made: Iterable[list[Shard]] = engine.shards(
        images, first.todo, first.plan, renderer(first.plan, first.kind, first.interpolation, first.runtime.device), scores,
        batch=first.runtime.batch, workers=first.runtime.workers, skip_unreadable=first.options.skip_unreadable, progress=reporter.advance,
    )  # fmt: skip
    for shards in made:
        for work, shard in zip(group, shards, strict=True):
            shard.save(work.run.path / "shards")
            _judge(work.doubt, shard, work.options)


def _finished(work: _Work, images: Images, reporter: Reporter) -> Run:
    run = work.run
    if work.todo or not run.complete:
        run = finish(run, run.manifest["seconds"] + time.monotonic() - work.began)
    if len(run.skipped) == len(images):
        write_manifest(run.path, dict(run.manifest) | {"complete": False})  # nothing to report: not a run that is whole
        raise DataError(f"none of the {len(images):,} images in {images.path} could be read: {next(iter(run.skipped.values()))}")
    if run.skipped:
        reporter.note(f"{len(run.skipped):,} images could not be read and are left out; {run.path}/manifest.json lists them")
    return run


def _normalisation(work: _Work) -> Normalisation:
    own = work.plan.normalisation if isinstance(work.plan, Dialect) else None
    return own or work.network.preprocessing.normalisation


def check(options: Options) -> None:
    """Raise `UsageError` for options whose values or combination mean nothing."""
    choices = {
        "pool": POOLS,
        "dialect": ("paper", *DIALECTS),
        "interpolation": ("auto", *RESAMPLING),
        "renderer": ("auto", *RENDERERS),
    }
    for name, known in choices.items():
        if getattr(options, name) not in known:
            raise unknown(name, getattr(options, name), known)
    if options.dialect != "paper" and (options.crops, options.scales, options.pool, options.interpolation) != ("1", None, "mean", "auto"):
        raise UsageError(f"--dialect {options.dialect} settles crop and resampling: leave --crops, --scales, --pool, --interpolation away")
    if options.shuffle_seed is not None and (options.limit is None or options.shuffle_seed < 0):
        raise UsageError("--shuffle-seed, a number from 0, draws the images of --limit: pass both")


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
    found = read_blacklist(options.blacklist) if options.blacklist else find_blacklist(Path(images.path), options.devkit)
    if found and not found.official and any(map(is_imagenet, images.ids)):
        reporter.note(f"{found.source} has {len(found.numbers):,} images and is not the challenge's list of 1,762")
    if not any(validation_number(image_id) for image_id in images.ids):
        reporter.note("no image is named ILSVRC2012_val_..., so none is on the blacklist: both image sets are the same")
        return found or Blacklist(frozenset(), "no image of the validation set", "")
    if not found:
        reporter.note("no blacklist in or beside the data: --blacklist with a devkit of 2014 or later gives the figures without it, too")
    return found


def agree(classes: int, images: Images, options: Options) -> None:
    """Raise `UsageError` unless network and images are about as many classes."""
    if classes != len(images.classes):
        hint = "pass --data PATH" if options.data == "mini" else "choose another --model; a classes.txt beside images names theirs"
        raise UsageError(f"{options.model} tells {classes:,} classes apart, and {images.path} has {len(images.classes):,}: {hint}")


def _plan(options: Options, network: LoadedNetwork) -> Plan | Dialect:
    expected = network.preprocessing
    if options.dialect != "paper":
        own = options.dialect == network.network.provider
        interpolation = _interpolation(options, network)
        return dialect(cast(Any, options.dialect), expected.size, interpolation, expected.crop_pct, squash=expected.squash, own=own)
    scales = parse_scales(options.scales)
    if scales and max(scales) ** 2 > LARGEST:
        raise UsageError(f"--scales {options.scales}: {max(scales)} pixels are too many, images of that size are not decoded either")
    return Plan(parse(options.crops, expected.size, scales), expected.size, cast(Any, options.pool))


def _interpolation(options: Options, network: LoadedNetwork) -> str:
    wanted = network.preprocessing.interpolation if options.interpolation == "auto" else options.interpolation
    return wanted if wanted in RESAMPLING else "bicubic"


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
