"""Whether half precision gives the same figures: measured on the images of the evaluation itself."""

from contextlib import suppress
from dataclasses import replace

from scipy.stats import binom

from bench.device import has_fast_bf16
from bench.distributed import ranks
from bench.errors import BenchError
from bench.evaluation.evaluation import Evaluation, build_pipeline, with_precision
from bench.progress import Reporter
from results.run import readable_runs

HALF = {"cuda": "fp16", "mps": "fp16", "xpu": "fp16", "cpu": "bf16"}
"""Half precision by kind of device. fp16 has three bits more of mantissa than bfloat16, so it is eight times
nearer to fp32; where it overflows, fp32 is used. Processors compute in bfloat16.
"""

FLIPS = 0.001
"""Part of the images whose single-crop top-1 prediction may differ from that of fp32."""

SIGNIFICANCE = 0.01
"""Half precision is refused where so many flips as were seen, or more, would be less probable than this if
`FLIPS` were the truth.
"""

IMAGES = 1000
"""Images that are compared, where there are so many; they are drawn with a fixed seed."""

LONG_ON_CPU = 5e13
"""Multiply-adds of a single crop of all images, from which on a processor compares: it takes minutes there,
and a short evaluation would be over. They count images and not crops, so that runs of other crops of the same
images have the same precision.
"""


def settle_precision(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation with the precision that `auto` stands for: half where it agrees with fp32 and pays,
    else fp32.

    The first rank compares, for all; the runtime keeps the counts. Where an earlier run of the network on the
    images has counts, those are used again.
    """
    runtime = evaluation.runtime
    half = HALF.get(runtime.device.type)
    if evaluation.options.precision != "auto" or half is None or not _pays(evaluation):
        return evaluation
    same, compared = ranks().broadcast_from_first(
        lambda: find_agreement(evaluation, half) or count_agreement(evaluation, half)
    )
    chosen = half if agrees(same, compared) else "fp32"
    reporter.note(f"{half} predicts the same as fp32 on {same:,} of {compared:,} images: using {chosen}")
    return replace(evaluation, runtime=replace(runtime, precision=chosen, agreement=(half, same, compared)))


def assume_half(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation with the precision that `auto` most likely stands for, without comparing."""
    half = HALF.get(evaluation.runtime.device.type)
    if evaluation.options.precision != "auto" or half is None or not _pays(evaluation):
        return evaluation
    return with_precision(evaluation, half)


def agrees(same: int, compared: int) -> bool:
    """Whether the predictions that flipped are not significantly more than `FLIPS` (exact binomial test).

    >>> agrees(996, 1000), agrees(995, 1000), agrees(0, 0)
    (True, False, False)
    """
    flips = compared - same
    return compared > 0 and bool(binom.sf(flips - 1, compared, FLIPS) >= SIGNIFICANCE)


def find_agreement(evaluation: Evaluation, precision: str) -> tuple[int, int] | None:
    """What `count_agreement` returned for an earlier run of this network on these images, in the folder of
    runs. None where there is none, and with `--fresh`.
    """
    if evaluation.options.fresh:
        return None
    fingerprint = evaluation.images.fingerprint()
    with suppress(OSError):  # opening the run says so
        for run in readable_runs(evaluation.options.out):
            manifest, runtime = run.manifest, run.manifest.runtime
            same_input = manifest.model.weights_sha256 == evaluation.network.weights.sha256
            same_input &= manifest.data.fingerprint == fingerprint
            if runtime and runtime.agreement and runtime.agreement.precision == precision and same_input:
                return runtime.agreement.same_top1, runtime.agreement.images
    return None


def count_agreement(evaluation: Evaluation, precision: str) -> tuple[int, int]:
    """Images with the same single-crop top-1 prediction in that precision as in fp32, and images compared."""
    images = evaluation.images.sample(IMAGES, 0)
    single = replace(evaluation, images=images, plan=evaluation.plan.single_crop())
    both = [with_precision(single, name) for name in ("fp32", precision)]
    pipeline = build_pipeline(both, [evaluation.scorer() for evaluation in both])
    try:
        ((exact, half),) = pipeline.shards([range(len(images))], skip_unreadable=True)
    except (BenchError, NotImplementedError):  # an output that is not finite; an operation without half
        return 0, len(images)
    predictions = [shard.probabilities[single.plan.names[0]].argmax(axis=1) for shard in (exact, half)]
    same = predictions[0] == predictions[1]
    return int(same.sum()), len(same)


def _pays(evaluation: Evaluation) -> bool:
    """Whether comparing takes less time than half precision saves."""
    if evaluation.runtime.device.type != "cpu":
        return True
    multiply_adds = evaluation.network.network.multiply_adds or 0
    return has_fast_bf16() and multiply_adds * len(evaluation.images) >= LONG_ON_CPU
