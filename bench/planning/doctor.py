"""What could spoil an evaluation, looked at before hours are spent on it."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bench.data import Images, open_images
from bench.data.file_names import first_of, shown
from bench.data.images import content_hash
from bench.errors import BenchError, DataError, UnreadableImage
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.evaluation.findings import (
    Finding,
    examine_blacklist,
    examine_images,
    examine_weights,
    first_few,
    format_bytes,
    open_blacklist,
)
from bench.evaluation.label_check import ENOUGH, LabelCheck
from bench.evaluation.prepare import check_options, load_for, prepare_loaded
from bench.evaluation.run_folder import find_folder, prefer_stored
from bench.options import Options
from bench.planning.throughput import measure
from bench.progress import Done, Reporter
from results.errors import IncompleteRun, RunError
from results.report.cells import duration
from results.run import MANIFEST, Run, Shard
from results.storage import is_local, reaching, remove, write

T = TypeVar("T")

PROBE = ".inception-bench-doctor"
"""An object that is written to a store to see that it can be written, and removed."""

ROOM = 1.1
"""What a run writes, over the bytes of its probabilities."""


def examine(options: Options, reporter: Reporter, *, read: bool = False) -> Iterator[Finding]:
    """Findings, one by one: on the data, the weights and the machine. With `read` every image is decoded.

    What cannot be examined, because something before it is wrong, is left out. Raises `UsageError`.
    """
    check_options(options)
    reporter.step(f"opening {options.data}")
    images = yield from _attempt(
        "data", lambda: open_images(options.data, options.labels, options.devkit, options.classes)
    )
    if images:
        yield from examine_images(images, options)
        yield from _examine_blacklist(images, options)
        decoding, content = _decode_all(images, reporter) if read else (_NOT_DECODED, {})
        yield decoding
    reporter.step(f"loading {options.model}")
    network = yield from _attempt("weights", lambda: load_for(options))
    if network:
        yield from examine_weights(network, options)
    if images and network:
        images = images.sample(options.limit, options.shuffle_seed)
        evaluation = prefer_stored(prepare_loaded(options, images, None, network, reporter), reporter)
        yield from _examine_evaluation(evaluation, decoded=read)
        if read:
            yield from _examine_run(evaluation, content)


def passed(findings: Sequence[Finding]) -> bool:
    """Whether a run can be trusted."""
    return all(finding.state != "wrong" for finding in findings)


_NOT_DECODED = Finding("reading", "note", "not every image was decoded: --read does that")


def _attempt(subject: str, act: Callable[[], T]) -> Generator[Finding, None, T | None]:
    """Return what `act` returns; or yield what is wrong, and return None. Raises errors of usage."""
    try:
        return act()
    except (BenchError, RunError) as error:
        if error.exit_code == 2:
            raise
        yield Finding(subject, "wrong", str(error))
        return None


def _examine_blacklist(images: Images, options: Options) -> Iterator[Finding]:
    findings = yield from _attempt(
        "blacklist", lambda: list(examine_blacklist(open_blacklist(images, options), images))
    )
    yield from findings or ()


def _decode_all(images: Images, reporter: Reporter) -> tuple[Finding, dict[str, int]]:
    """Decode every image; and the `content_hash` of each file that was read, by the image's id."""
    content: dict[str, int] = {}

    def problem(i: int) -> str:
        try:
            data = images.read_unchanged(i)
            content[images.ids[i]] = content_hash(data)
            images.decode(data)
        except UnreadableImage as error:
            return f"{shown(images.ids[i])} ({error})"
        except DataError as error:
            return str(error)
        return ""

    reporter.step(f"reading the images in {images.path}")
    reporter.start(len(images), Done())
    broken = []
    with ThreadPoolExecutor() as pool:
        for text in pool.map(problem, range(len(images))):
            broken += [text] if text else []
            reporter.advance(Done(images=1))
    if not broken:
        return Finding("reading", "ok", f"all {len(images):,} images can be decoded"), content
    text = (
        f"{len(broken):,} images cannot be decoded: {first_few(broken)}; "
        "repair them, or leave them out with --skip-unreadable"
    )
    return Finding("reading", "wrong", text), content


def _examine_run(evaluation: Evaluation, content: Mapping[str, int]) -> Iterator[Finding]:
    """Whether the run of this evaluation, if `--out` has one, saw the files that the images have now."""
    run = yield from _attempt("run", lambda: _stored_run(evaluation))
    if run is None:
        return
    replaced: list[str] = []
    seen = unknown = 0
    for part in run.parts:
        try:
            shard, _ = Shard.load(run.shard_path(part), run.identity)
        except IncompleteRun:
            continue
        if shard.content is None:
            unknown += len(shard.ids)
            continue
        seen += len(shard.ids)
        hashes = zip(shard.ids, shard.content.tolist(), strict=True)
        replaced += [name for name, hashed in hashes if content.get(name) != hashed]
    if replaced:
        text = f"{first_of(replaced)} not what {run.path} was evaluated on: eval --verify evaluates anew"
        yield Finding("run", "wrong", text)
    elif unknown:
        text = f"{run.path} was written without hashes of {unknown:,} images: eval --verify adds them"
        yield Finding("run", "note", text)
    else:
        yield Finding("run", "ok", f"{seen:,} images are what {run.path} was evaluated on")


def _stored_run(evaluation: Evaluation) -> Run | None:
    folder = find_folder(evaluation)
    with reaching(folder):
        return Run.open(folder) if (folder / MANIFEST).exists() else None


def _examine_evaluation(evaluation: Evaluation, *, decoded: bool) -> Iterator[Finding]:
    """Findings on the machine, and on data and weights together.

    Where every image was `decoded` before, those that cannot be are not named again.
    """
    runtime = evaluation.runtime
    text = f"{runtime.device_name}, {runtime.precision}, batch {runtime.batch}"
    yield Finding("device", "note" if runtime.device.type == "cpu" else "ok", text)
    yield from _examine_label_order(evaluation, decoded=decoded)
    disk = yield from _attempt("disk", lambda: _examine_disk(evaluation))
    if disk:
        yield disk
    time = yield from _attempt("time", lambda: _estimate_time(evaluation))
    if time:
        yield time


def _examine_label_order(evaluation: Evaluation, *, decoded: bool) -> Iterator[Finding]:
    """Whether predictions and labels are about the same classes, from single crops of some images."""
    shard = yield from _attempt("label order", lambda: _classify_some(evaluation))
    if shard is None:
        return
    images = evaluation.images
    check = LabelCheck(len(images.classes), evaluation.given_order, images.class_set)
    problem = check.add(shard)
    counts = f"{check.right} of {check.judged} single crops are right"
    if shard.skipped and not decoded:
        reason = next(iter(shard.skipped.values()))
        text = f"{first_of(list(shard.skipped))} unreadable: {reason}; see --read"
        yield Finding("reading", "wrong", text)
    if check.judged < ENOUGH:
        yield Finding("label order", "note", f"{counts}: too few to tell, {ENOUGH} are needed")
    elif problem:
        yield Finding("label order", "wrong", problem)
    else:
        yield Finding("label order", "ok", counts)


def _classify_some(evaluation: Evaluation) -> Shard:
    """The single crop of some images."""
    images = evaluation.images.scored().sample(ENOUGH, 0)
    single = replace(evaluation, images=images, plan=evaluation.plan.single_crop())
    pipeline = build_pipeline([single], [single.scorer()])
    ((shard,),) = pipeline.shards([range(len(images))], skip_unreadable=True)
    return shard


def _examine_disk(evaluation: Evaluation) -> Finding:
    """What the run will write, against what is free."""
    images, out = evaluation.images, evaluation.options.out
    needed = len(images) * len(images.classes) * 4 * len(evaluation.plan.names) * ROOM
    if not is_local(out):
        write(out / PROBE, b"")
        remove(out / PROBE)
        return Finding("disk", "ok", f"the run takes {format_bytes(needed)} in {out}, which can be written")
    folder = _first_existing(out)
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder} cannot be written: choose another --out")
    free = shutil.disk_usage(folder).free
    text = f"the run takes {format_bytes(needed)}, {format_bytes(free)} are free in {folder}"
    if needed < free:
        return Finding("disk", "ok", text)
    return Finding("disk", "wrong", f"{text}: make room, or choose another --out")


def _first_existing(folder: Path) -> Path:
    """The folder, or the nearest of those above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())


def _estimate_time(evaluation: Evaluation) -> Finding:
    measured = measure(evaluation, rounds=1, seconds=1.0, whole=False)
    images_per_second = measured.limit / measured.crops
    count = len(evaluation.images)
    rate = f"{count:,} images at {images_per_second:,.1f} a second, the slowest stage alone"
    return Finding("time", "ok", f"about {duration(count / images_per_second)}: {rate}")
