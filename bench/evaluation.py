"""`evaluate`: from options to a run on disk."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench import engine, record
from bench.data import Images, open_images
from bench.data.decode import LARGEST
from bench.data.devkit import VALIDATION_IMAGES, Blacklist, find_blacklist, read_blacklist
from bench.data.names import validation_number
from bench.errors import DataError, ImplausibleLabels, UsageError
from bench.options import Options
from bench.plausibility import Doubt
from bench.progress import Reporter, Silent
from bench.render import RENDERERS, renderer
from bench.runtime import resolve, scorer
from bench.zoo import find
from bench.zoo.loading import LoadedNetwork, load
from bench.zoo.networks import unknown
from crops import DIALECTS, POOLS, Dialect, Plan, dialect, parse, parse_scales
from crops.pillow import RESAMPLING
from results.run import Run, Shard, finish


def evaluate(reporter: Reporter | None = None, **options: Any) -> Run:
    """Evaluate one network on one data set and return the run, complete, on disk.

    The options are those of `bench.options.Options`, by name. The same call continues an unfinished run and gives
    back a finished one. Raises `BenchError`, `results.RunError` or `crops.ProtocolError`, each with a line to show.
    """
    return run_evaluation(Options(**options), reporter or Silent())


def run_evaluation(options: Options, reporter: Reporter) -> Run:
    """`evaluate` for options that are already put together."""
    began = time.monotonic()
    _check(options)
    find(options.model)
    runtime = resolve(options)
    images = _images(options, reporter)
    blacklist = _blacklist(options, images, reporter)
    network = load(options.model, options.weights, options.label_order)
    if network.prepared_otherwise:
        others = ", ".join(f"--model {name}" for name in network.prepared_otherwise)
        reporter.note(f"{options.weights} is taken for weights like {network.prepared_like}; others are prepared for differently: {others}")
    plan = _plan(options, network)
    interpolation = plan.interpolation if isinstance(plan, Dialect) else _interpolation(options, network)
    kind = options.renderer if options.renderer != "auto" else "pillow" if isinstance(plan, Dialect) else "tensor"
    render = renderer(plan, kind, interpolation, runtime.device)
    asked = {
        "model": network.describe(),
        "data": _describe(images, options),
        "plan": plan.describe() | {"interpolation": interpolation, "renderer": kind},
        "runtime": runtime.describe(),
        "shard_images": engine.shard_size(plan),
    }
    run = record.open_run(options, asked, reporter)
    doubt = Doubt(images.classes)
    todo = record.todo(run, lambda shard: _judge(doubt, shard, options), retry_skipped=not options.skip_unreadable)
    if todo:
        run = record.with_environment(run, reporter)
        normalisation = (plan.normalisation if isinstance(plan, Dialect) else None) or network.preprocessing.normalisation
        score = scorer(network, runtime, normalisation, logits=plan.pool == "logits")
        reporter.start(sum(map(len, todo)))
        made: Iterable[Shard] = engine.shards(
            images, todo, plan, render, score,
            batch=runtime.batch, workers=runtime.workers, skip_unreadable=options.skip_unreadable, progress=reporter.advance,
        )  # fmt: skip
        for shard in made:
            shard.save(run.path / "shards")
            _judge(doubt, shard, options)
    if todo or not run.complete:
        run = finish(run, run.manifest["seconds"] + time.monotonic() - began)
    if len(run.skipped) == len(images):
        raise DataError(f"none of the {len(images):,} images in {images.path} could be read: {next(iter(run.skipped.values()))}")
    if run.skipped:
        reporter.note(f"{len(run.skipped):,} images could not be read and are left out; {run.path}/manifest.json lists them")
    return record.with_blacklist(run, blacklist)


def _check(options: Options) -> None:
    """Raise `UsageError` for options whose values or combination mean nothing."""
    if options.data is None:
        raise UsageError("no images: pass --data PATH, a folder of ImageNet images or the ILSVRC2012_img_val.tar")
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
    images = open_images(options.data or "", options.labels, options.devkit)
    if images.ignored:
        reporter.note(f"{images.ignored:,} files in {images.path} are no images by their endings and are left aside")
    validation = sum(validation_number(image_id) is not None for image_id in images.ids)
    if validation == len(images) != VALIDATION_IMAGES:
        reporter.note(f"{len(images):,} of the {VALIDATION_IMAGES:,} validation images are here")
    images = images.sample(options.limit, options.shuffle_seed)
    present = len(set(images.labels.tolist()))
    if present < images.classes:
        reporter.note(f"{present:,} of the {images.classes:,} classes have images here")
    return images


def _blacklist(options: Options, images: Images, reporter: Reporter) -> Blacklist | None:
    """The blacklist; an empty one where no image can be on it; None where the second image set cannot be told."""
    found = read_blacklist(options.blacklist) if options.blacklist else find_blacklist(Path(images.path), options.devkit)
    if found and not found.official:
        reporter.note(f"{found.source} has {len(found.numbers):,} images and is not the challenge's list of 1,762")
    if not any(validation_number(image_id) for image_id in images.ids):
        reporter.note("no image is named ILSVRC2012_val_..., so none is on the blacklist: both image sets are the same")
        return found or Blacklist(frozenset(), "no image of the validation set", "")
    if not found:
        reporter.note("no blacklist in or beside the data: --blacklist with a devkit of 2014 or later gives the figures without it, too")
    return found


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
        "limit": options.limit,
        "shuffle_seed": options.shuffle_seed,
    }


def _judge(doubt: Doubt, shard: Shard, options: Options) -> None:
    """Stop when predictions and labels cannot be about the same classes."""
    largest = list(shard.probabilities.values())[-1]
    predicted = largest.argmax(axis=1) if len(largest) else np.empty(0, dtype=np.int64)
    if not options.allow_implausible and (wrong := doubt.after(predicted, shard.labels)):
        raise ImplausibleLabels(wrong)
