"""What could spoil an evaluation, looked at before hours are spent on it."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from bench.data import Images, open_images
from bench.data.decode import decode
from bench.data.devkit import VALIDATION_IMAGES, find_blacklist, read_blacklist
from bench.data.file_names import first_of, is_imagenet, shown, validation_number
from bench.errors import BenchError, UnreadableImage
from bench.evaluation import engine
from bench.evaluation.label_check import ENOUGH, doubt
from bench.evaluation.precision import settle
from bench.evaluation.prepare import Setup, agree, check, set_up
from bench.options import Options
from bench.planning.throughput import measure
from bench.progress import Reporter
from bench.zoo import find
from bench.zoo.loading import LoadedNetwork, load
from crops import Plan, parse
from results.errors import RunError
from results.report.cells import duration
from results.run import Shard
from results.storage import is_local, remove, write

Found = TypeVar("Found")

NAMED = 5
"""Of what is wrong in the same way so many are named."""

PROBE = ".inception-bench-doctor"
"""What is written to an object store to see that it can be, and removed."""

ROOM = 1.1
"""What a run writes, over the bytes of its probabilities."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing; `wrong` where a run could not be trusted, or would fail, as it is."""

    what: str
    state: Literal["ok", "note", "wrong"]
    words: str


def examine(options: Options, reporter: Reporter, *, read: bool = False) -> Iterator[Finding]:
    """Findings, one by one: on the data, the weights, the machine. With `read` every image is decoded.

    What cannot be looked at, since something before it is wrong, is left out. Raises `UsageError`.
    """
    check(options)
    find(options.model)
    images = yield from _found("data", lambda: open_images(options.data, options.labels, options.devkit))
    if images:
        yield from _of_data(images, options, read=read)
        images = images.sample(options.limit, options.shuffle_seed)
    network = yield from _found("weights", lambda: load(options.model, options.weights, options.label_order))
    if network:
        yield from _of_weights(network)
    if images and network:
        yield from _of_both(images, network, options, reporter)


def _found(what: str, look: Callable[[], Found]) -> Generator[Finding, None, Found | None]:
    """Yield what is wrong, or return what was found."""
    try:
        return look()
    except (BenchError, RunError) as error:
        if getattr(error, "exit_code", 1) == 2:
            raise
        yield Finding(what, "wrong", str(error))
        return None


def _of_data(images: Images, options: Options, *, read: bool) -> Iterator[Finding]:
    yield Finding(
        "data", "ok", f"{len(images):,} images, {_size(float(images.sizes.sum()))}, in {images.path}"
    )
    if images.ignored:
        yield Finding(
            "data", "note", f"{images.ignored:,} files are no images by their endings and are left aside"
        )
    yield Finding("labels", "ok", f"from {images.label_source}")
    yield _classes(images)
    validation = sum(map(is_imagenet, images.ids))
    if 0 < validation != VALIDATION_IMAGES:
        yield Finding(
            "data",
            "note",
            f"{validation:,} of the {VALIDATION_IMAGES:,} validation images: not the papers' figures",
        )
    yield from _blacklist(images, options)
    yield (
        _reading(images)
        if read
        else Finding("reading", "note", "not every image was decoded: --read does that")
    )


def _classes(images: Images) -> Finding:
    """Which classes have no images, or fewer than most have."""
    names = images.classes
    counts = np.bincount(images.labels, minlength=len(names))
    if absent := [names[number] for number in np.flatnonzero(counts == 0)]:
        return Finding("classes", "note", f"{len(absent):,} of {len(names):,} have no image: {_some(absent)}")
    usual, having = Counter(counts.tolist()).most_common(1)[0]
    short = [f"{names[number]} ({counts[number]})" for number in np.flatnonzero(counts < usual)]
    if short and having > len(names) / 2:
        return Finding(
            "classes",
            "note",
            f"{len(short):,} of {len(names):,} have fewer than {usual:,} images: {_some(short)}",
        )
    each = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
    return Finding("classes", "ok", f"{len(names):,}, each with {each} images")


def _blacklist(images: Images, options: Options) -> Iterator[Finding]:
    if not any(validation_number(image_id) for image_id in images.ids):
        yield Finding("blacklist", "ok", "no image is of the validation set, so none is on it")
        return

    def look() -> Finding:
        found = (
            read_blacklist(options.blacklist)
            if options.blacklist
            else find_blacklist(images.place, options.devkit)
        )
        if found is None:
            return Finding(
                "blacklist",
                "note",
                "none in or beside the data: without --blacklist there is no figure of the 48,238 images",
            )
        if not found.official and any(map(is_imagenet, images.ids)):
            return Finding(
                "blacklist",
                "note",
                f"{found.source} has {len(found.numbers):,} images, the challenge's list has 1,762",
            )
        return Finding("blacklist", "ok", f"{len(found.numbers):,} images, from {found.source}")

    finding = yield from _found("blacklist", look)
    if finding:
        yield finding


def _reading(images: Images) -> Finding:
    """Decode every image."""

    def why(i: int) -> str:
        try:
            decode(images.read(i))
        except (UnreadableImage, OSError) as error:
            return f"{shown(images.ids[i])} ({error})"
        return ""

    with ThreadPoolExecutor() as pool:
        broken = [words for words in pool.map(why, range(len(images))) if words]
    if not broken:
        return Finding("reading", "ok", f"all {len(images):,} images can be decoded")
    words = f"{len(broken):,} images cannot be decoded: {_some(broken)}; repair them, or leave them out with --skip-unreadable"
    return Finding("reading", "wrong", words)


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED:,} more" if len(words) > NAMED else "")


def _size(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def _of_weights(network: LoadedNetwork) -> Iterator[Finding]:
    weights = network.weights
    name, digest = network.network.name, weights.sha256[:12]
    yield Finding(
        "weights", "ok", f"{name}, {weights.source}, sha256 {digest}..., {network.outputs:,} outputs"
    )
    if network.prepared_otherwise:
        yield Finding(
            "weights",
            "note",
            f"prepared for like {network.prepared_like}, not like {', '.join(network.prepared_otherwise)}",
        )


def _of_both(
    images: Images, network: LoadedNetwork, options: Options, reporter: Reporter
) -> Iterator[Finding]:
    agree(network.classes, images, options)
    setup = settle(options, set_up(options, network), images, reporter)
    runtime = setup.runtime.describe()
    state: Literal["ok", "note"] = "note" if runtime["device"] == "cpu" else "ok"
    yield Finding(
        "device", state, f"{runtime['device_name']}, {runtime['precision']}, batch {runtime['batch']}"
    )
    yield from _label_order(images, setup)
    disk = yield from _found("disk", lambda: _disk(images, setup, options.out))
    if disk:
        yield disk
    yield from _time(images, setup)


def _label_order(images: Images, setup: Setup) -> Iterator[Finding]:
    """Whether predictions and labels are about the same classes, from single crops of some images."""
    some = images.sample(ENOUGH, 0)
    size = setup.network.preprocessing.size
    single = replace(setup, plan=Plan(parse("1", size), size), kind="tensor")

    def shard() -> Shard:
        made = engine.shards(
            some, [range(len(some))], single.plan, single.renderer(), [single.scorer(lambda text: None)],
            runtime=single.runtime, skip_unreadable=True, progress=lambda crops, right: None,
        )  # fmt: skip
        ((found,),) = made
        return found

    found = yield from _found("label order", shard)
    if found is None:
        return
    predicted = found.probabilities["1"].argmax(axis=1)
    right = f"{int((predicted == found.labels).sum())} of {len(found.labels)} single crops are right"
    if found.skipped:
        yield Finding(
            "reading",
            "wrong",
            f"{first_of(list(found.skipped))} unreadable: {next(iter(found.skipped.values()))}; see --read",
        )
    if len(found.labels) < ENOUGH:
        yield Finding("label order", "note", f"{right}: too few to tell, {ENOUGH} are needed")
    elif wrong := doubt(predicted, found.labels, len(images.classes)):
        yield Finding("label order", "wrong", wrong)
    else:
        yield Finding("label order", "ok", right)


def _disk(images: Images, setup: Setup, out: Path) -> Finding:
    """What the run will write, against what is free."""
    needed = int(len(images) * len(images.classes) * 4 * len(setup.plan.names) * ROOM)
    if not is_local(out):
        write(out / PROBE, b"")
        remove(out / PROBE)
        return Finding("disk", "ok", f"the run takes {_size(needed)} in {out}, which can be written")
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    if not os.access(there, os.W_OK):
        raise RunError(f"{there} cannot be written: choose another --out")
    free = shutil.disk_usage(there).free
    words = f"the run takes {_size(needed)}, {_size(free)} are free in {there}"
    return (
        Finding("disk", "ok", words)
        if needed < free
        else Finding("disk", "wrong", f"{words}: make room, or choose another --out")
    )


def _time(images: Images, setup: Setup) -> Iterator[Finding]:
    measured = yield from _found("time", lambda: measure(setup, images, rounds=1, seconds=1.0, whole=False))
    if measured:
        seconds = len(images) * measured.crops / measured.limit
        rate = f"{len(images):,} images at {measured.limit / measured.crops:,.1f} a second, the slowest stage alone"
        yield Finding("time", "ok", f"about {duration(seconds)}: {rate}")


def passed(findings: Sequence[Finding]) -> bool:
    """Whether a run can be trusted."""
    return all(finding.state != "wrong" for finding in findings)
