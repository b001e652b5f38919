"""`evaluate`: from options to a run on disk."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench import engine, plausibility
from bench.data import Images, open_images
from bench.data.devkit import Blacklist, find_blacklist, find_devkit, read_blacklist, validation_number
from bench.errors import BenchError, ImplausibleLabels, UsageError
from bench.options import Options
from bench.progress import Reporter, Silent
from bench.provenance import environment
from bench.render import renderer
from bench.runtime import Runtime, resolve, scorer
from bench.zoo import find
from bench.zoo.loading import LoadedNetwork, load
from bench.zoo.networks import unknown
from crops import DIALECTS, POOLS, Dialect, Plan, dialect, parse
from crops.pillow import RESAMPLING
from results.run import MANIFEST, Run, RunError, Shard, finish, write_manifest


def evaluate(reporter: Reporter | None = None, **options: Any) -> Run:
    """Evaluate one network on one data set and return the run, complete, on disk.

    The options are those of `bench.options.Options`. The same call continues an unfinished run and gives back a
    finished one. Raises `BenchError`, `results.RunError` or `crops.ProtocolError`, each with a line to show.
    """
    return run_evaluation(Options(**options), reporter or Silent())


def run_evaluation(options: Options, reporter: Reporter) -> Run:
    """`evaluate` for options that are already put together."""
    began = time.monotonic()
    find(options.model)
    if options.data is None:
        raise UsageError("no images: pass --data PATH, a folder of ImageNet images or the ILSVRC2012_img_val.tar")
    _check(options)
    runtime = resolve(options)
    images = open_images(options.data, options.labels, options.devkit).sample(options.limit, options.shuffle_seed)
    blacklist = _blacklist(options, images, reporter)
    network = load(options.model, options.weights, options.label_order)
    plan = _plan(options, network)
    interpolation = _interpolation(options, network)
    kind = options.renderer if options.renderer != "auto" else "pillow" if isinstance(plan, Dialect) else "tensor"
    render = renderer(plan, kind, interpolation, runtime.device)
    manifest = {
        "model": network.describe(),
        "data": _describe(images, options),
        "plan": plan.describe() | {"interpolation": interpolation, "renderer": kind},
        "runtime": runtime.describe(),
        "shard_images": engine.shard_size(plan),
    }
    run = _open_run(options, manifest, reporter)
    if not run.complete:
        normalisation = (plan.normalisation if isinstance(plan, Dialect) else None) or network.preprocessing.normalisation
        score = scorer(network, runtime, normalisation, logits=plan.pool == "logits")
        todo = _todo(run)
        reporter.start(sum(map(len, todo)), sum(map(len, todo)) * (len(plan.views) if isinstance(plan, Plan) else 1))
        made = engine.shards(
            images, todo, plan, render, score,
            batch=runtime.batch, workers=runtime.workers, skip_unreadable=options.skip_unreadable, progress=reporter.advance,
        )  # fmt: skip
        _write(run, made, options, images.classes)
        run = finish(run, run.manifest["seconds"] + time.monotonic() - began)
    if run.skipped and not options.skip_unreadable:
        name, reason = next(iter(run.skipped.items()))
        raise BenchError(
            f"{run.path} left out {len(run.skipped)} images that cannot be read ({name}: {reason}): repair them, or pass --skip-unreadable"
        )
    if run.skipped:
        reporter.note(f"{len(run.skipped)} images could not be read and are left out; {MANIFEST} lists them")
    return _with_blacklist(run, blacklist)


def _check(options: Options) -> None:
    """Raise `UsageError` for options whose values or combination mean nothing."""
    choices = {
        "pool": POOLS,
        "dialect": ("paper", *DIALECTS),
        "interpolation": ("auto", *RESAMPLING),
        "renderer": ("auto", "tensor", "pillow"),
    }
    for name, known in choices.items():
        if getattr(options, name) not in known:
            raise unknown(name, getattr(options, name), known)
    if options.dialect != "paper" and (options.crops != "1" or options.scales):
        raise UsageError(f"--dialect {options.dialect} is a way to take the single crop: leave --crops at 1 and --scales away")
    if options.shuffle_seed is not None and options.limit is None:
        raise UsageError("--shuffle-seed draws the images of --limit: pass both")


def _plan(options: Options, network: LoadedNetwork) -> Plan | Dialect:
    expected = network.preprocessing
    if options.dialect != "paper":
        interpolation = _interpolation(options, network)
        return dialect(cast(Any, options.dialect), expected.size, interpolation, expected.crop_pct, expected.squash)
    try:
        scales = [int(scale) for scale in options.scales.split(",")] if options.scales else None
    except ValueError:
        raise UsageError(f"--scales {options.scales}: write shorter sides in pixels, such as 342,384,427,470") from None
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


def _blacklist(options: Options, images: Images, reporter: Reporter) -> Blacklist | None:
    """The blacklist, if there is one or none is needed; None where the second image set cannot be told."""
    if images.ignored:
        reporter.note(f"{images.ignored} files in {images.path} are no images by their endings and are left aside")
    present = len(set(images.labels.tolist()))
    if present < images.classes:
        reporter.note(f"{present} of the {images.classes} classes have images here")
    if options.blacklist:
        found: Blacklist | None = read_blacklist(options.blacklist)
    else:
        place = Path(images.path)
        found = find_blacklist(place, options.devkit or find_devkit(place))
    if found and not found.official:
        reporter.note(f"{found.source} has {len(found.numbers):,} images and is not the challenge's list of 1,762")
    if not any(validation_number(image_id) for image_id in images.ids):
        reporter.note("no image is named ILSVRC2012_val_..., so none is on the blacklist: both image sets are the same")
        return found or Blacklist(frozenset(), "no image of the validation set", "")
    if not found:
        reporter.note("no blacklist in or beside the data: --blacklist DEVKIT_2014 gives the figures without it, too")
    return found


def _with_blacklist(run: Run, blacklist: Blacklist | None) -> Run:
    """The run with the blacklist's part of its images noted in the manifest; unchanged where none is known."""
    if blacklist is None:
        return run
    ids = [image_id for listed in run.manifest["shards"] for image_id in Shard.load(run.path / "shards" / listed["file"]).ids]
    excluded = [image_id for image_id in ids if validation_number(image_id) in blacklist.numbers]
    entry = {"source": blacklist.source, "sha256": blacklist.sha256, "excluded": excluded}
    if run.manifest["blacklist"] == entry:
        return run
    return write_manifest(run.path, dict(run.manifest) | {"blacklist": entry})


def _identity(manifest: Mapping[str, Any]) -> str:
    """Hash of all that decides the figures; a path, a batch size or a number of workers does not."""
    model = {key: value for key, value in manifest["model"].items() if key not in ("name", "tag", "weights")}
    runtime = {"device": manifest["runtime"]["device"].partition(":")[0]} | {
        key: manifest["runtime"][key] for key in ("precision", "compile")
    }
    decisive = [model, manifest["data"]["fingerprint"], manifest["plan"], runtime, manifest["shard_images"]]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _open_run(options: Options, manifest: dict[str, Any], reporter: Reporter) -> Run:
    """The run of this identity: the one on disk, or a new one."""
    identity = _identity(manifest)
    data = Path(manifest["data"]["path"].removeprefix("hf://")).name.partition(":")[0] or "data"
    what = options.crops if options.dialect == "paper" else options.dialect
    folder = options.out / f"{options.model}-{data}-{what}-{identity[:8]}".replace("/", "_").replace(",", "+")
    if options.fresh and folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise RunError(f"cannot remove {folder}: {error.strerror or error}") from None
    if (folder / MANIFEST).exists():
        run = Run.open(folder)
        if run.manifest["identity"] != identity:
            raise RunError(f"{folder} holds another run: move it, choose another --out, or pass --fresh")
        reporter.note(f"{folder} is {'complete: nothing to do' if run.complete else 'continued'}; --fresh starts anew")
        return run
    return write_manifest(
        folder,
        {"identity": identity, "complete": False}
        | manifest
        | {
            "options": options.given(),
            "environment": environment(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": 0.0,
            "blacklist": None,
            "skipped": {},
            "shards": [],
        },
    )


def _todo(run: Run) -> list[range]:
    """The ranges of images that have no good shard yet."""
    total, step = run.manifest["data"]["images"], run.manifest["shard_images"]
    todo = []
    for start in range(0, total, step):
        part = range(start, min(start + step, total))
        path = run.path / "shards" / f"{part.start:08d}-{part.stop:08d}.safetensors"
        try:
            Shard.load(path)
        except RunError:
            todo.append(part)
    return todo


def _write(run: Run, made: Any, options: Options, classes: int) -> None:
    """Save each shard as it comes, and stop when the labels cannot be right."""
    predicted, labels = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for shard in made:
        shard.save(run.path / "shards")
        largest = shard.probabilities[run.protocols[-1]]
        if not options.allow_implausible and len(labels) < 10 * plausibility.ENOUGH:
            predicted, labels = np.concatenate([predicted, largest.argmax(axis=1)]), np.concatenate([labels, shard.labels])
            if wrong := plausibility.doubt(predicted, labels, classes):
                raise ImplausibleLabels(wrong)


__all__ = ["Runtime", "evaluate", "run_evaluation"]
