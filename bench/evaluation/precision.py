"""Whether half precision, and a compiled network, give the same figures: measured on the images of the
evaluation itself.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from scipy.special import bdtrc

from bench.device import has_fast_bf16
from bench.distributed import ranks
from bench.errors import BenchError, first_line
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.progress import Reporter
from results.detection.manifest import readable_manifests
from results.manifest import DataRecord, ModelRecord, RuntimeRecord
from results.run import readable_runs

HALF = {"cuda": "fp16", "mps": "fp16", "xpu": "fp16", "cpu": "bf16"}
"""Half precision by kind of device. fp16 has three bits more of mantissa than bfloat16, so it is eight times
nearer to fp32; where it overflows, fp32 is used. Processors compute in bfloat16.
"""

FLIPS = 0.001
"""Part of the images whose single-crop top-1 prediction may differ from that of fp32."""

SIGNIFICANCE = 0.01
"""A faster way is refused where so many flips as were seen, or more, would be less probable than this if
`FLIPS` were the truth.
"""

IMAGES = 1000
"""Images that are compared, where there are so many; they are drawn with a fixed seed."""

LONG_ON_CPU = 5e13
"""Multiply-adds of a single crop of all images, from which on a processor compares: it takes minutes there,
and a short evaluation would be over. They count images and not crops, so that runs of other crops of the same
images have the same precision.
"""

LONG_ON_GPU = 2e16
"""Multiply-adds of all crops, from which on a GPU compiles the network: minutes of work, of which compiling
takes one or two. 144 crops of Inception-v3 on 50,000 images are 4e16.
"""


def settle_precision(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation in the first of `faster_ways` that agrees with fp32; as it is where none does.

    The first rank compares, for all; the runtime keeps the counts. Where an earlier run of the network on the
    images has counts, those are used again.
    """
    for way in faster_ways(evaluation):
        same, compared = ranks().broadcast_from_first(partial(_agreement, way, reporter))
        precision, compiled = way.runtime.precision, way.runtime.compile
        agreement = (precision, same, compared)
        name = f"compiled {precision}" if compiled else precision
        found = f"{name} predicts the same as fp32 on {same:,} of {compared:,} images"
        if agrees(same, compared):
            reporter.note(f"{found}: using {name}")
            return replace(way, runtime=replace(way.runtime, agreement=agreement))
        reporter.note(f"{found}: not using {name}")
        evaluation = replace(evaluation, runtime=replace(evaluation.runtime, agreement=agreement))
    return evaluation


def _agreement(way: Evaluation, reporter: Reporter) -> tuple[int, int]:
    if found := find_agreement(way):
        return found
    runtime, name = way.runtime, way.options.model
    compiled = f"compiling {name}, and " if runtime.compile else ""
    reporter.step(f"{compiled}comparing {runtime.precision} with fp32 on images for {name}")
    return count_agreement(way, reporter)


def assume_half(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation in the last of `faster_ways`, half precision without compiling, without comparing."""
    return next(reversed(faster_ways(evaluation)), evaluation)


def faster_ways(evaluation: Evaluation) -> list[Evaluation]:
    """What `auto` would rather have than fp32, the fastest first: half precision where it pays, and before
    that compiled, where that pays, too.
    """
    runtime, options = evaluation.runtime, evaluation.options
    half = HALF.get(runtime.device.type)
    fixed = options.precision != "auto" or evaluation.network.graph is not None
    if fixed or half is None or not _half_pays(evaluation):
        return []
    may_compile = options.compile is None and _compiling_pays(evaluation)
    return [
        replace(evaluation, runtime=replace(runtime, precision=half, compile=compiled))
        for compiled in ([True, False] if may_compile else [runtime.compile])
    ]


def agrees(same: int, compared: int) -> bool:
    """Whether the predictions that flipped are not significantly more than `FLIPS` (exact binomial test).

    >>> agrees(996, 1000), agrees(995, 1000), agrees(0, 0)
    (True, False, False)
    """
    flips = compared - same
    return compared > 0 and bool(bdtrc(flips - 1, compared, FLIPS) >= SIGNIFICANCE)


def find_agreement(evaluation: Evaluation) -> tuple[int, int] | None:
    """What `count_agreement` returned for an earlier run of this network on these images, in the folder of
    runs. None where there is none, and with `--fresh`.
    """
    if evaluation.options.fresh:
        return None
    fingerprint, wanted = evaluation.images.fingerprint(), evaluation.runtime
    with suppress(OSError):  # opening the run says so
        for model, runtime, data in _measured(evaluation.options.out):
            same_input = model.weights_sha256 == evaluation.network.weights.sha256
            same_input &= data.fingerprint == fingerprint
            if not (same_input and runtime and runtime.agreement):
                continue
            if (runtime.agreement.precision, runtime.compile) == (wanted.precision, wanted.compile):
                return runtime.agreement.same_top1, runtime.agreement.images
    return None


def _measured(folder: Path) -> Iterator[tuple[ModelRecord, RuntimeRecord | None, DataRecord]]:
    """What the runs in a folder say of each network, also those of detections. Raises `OSError`."""
    for run in readable_runs(folder):
        yield run.manifest.model, run.manifest.runtime, run.manifest.data
    for detections in readable_manifests(folder):
        for model, runtime in zip(detections.networks, detections.runtimes, strict=True):
            yield model, runtime, detections.data


def count_agreement(evaluation: Evaluation, reporter: Reporter) -> tuple[int, int]:
    """Images with the same single-crop top-1 prediction as in fp32 without compiling, and images compared.

    None are the same where an output is not finite, an operation has no half precision, or the network
    cannot be compiled.
    """
    images = evaluation.images.sample(IMAGES, 0)
    single = replace(evaluation, images=images, plan=evaluation.plan.single_crop())
    exact = replace(single, runtime=replace(single.runtime, precision="fp32", compile=False))
    pipeline = build_pipeline([exact, single], [exact.scorer(), single.scorer()])
    try:
        (shards,) = pipeline.shards([range(len(images))], skip_unreadable=True)
    except (BenchError, NotImplementedError):
        return 0, len(images)
    except Exception as error:  # whatever torch.compile raises, of many kinds
        if not single.runtime.compile:
            raise
        reporter.note(f"torch.compile failed ({first_line(error)})")
        return 0, len(images)
    predictions = [shard.probabilities[single.plan.names[0]].argmax(axis=1) for shard in shards]
    same = predictions[0] == predictions[1]
    return int(same.sum()), len(same)


def _half_pays(evaluation: Evaluation) -> bool:
    """Whether comparing takes less time than half precision saves."""
    if evaluation.runtime.device.type != "cpu":
        return True
    multiply_adds = evaluation.network.network.multiply_adds or 0
    return has_fast_bf16() and multiply_adds * len(evaluation.images) >= LONG_ON_CPU


def _compiling_pays(evaluation: Evaluation) -> bool:
    """Whether compiling, on a GPU, takes less time than it saves."""
    multiply_adds = (evaluation.network.network.multiply_adds or 0) * evaluation.plan.crops
    return evaluation.runtime.device.type == "cuda" and multiply_adds * len(evaluation.images) >= LONG_ON_GPU
