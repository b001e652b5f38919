"""Whether half precision gives the same figures: measured on the images of the evaluation itself."""

from dataclasses import replace

from bench.distributed import ranks
from bench.errors import BenchError
from bench.evaluation.evaluation import Evaluation, build_pipeline, with_precision
from bench.progress import Reporter

HALF = "fp16"
"""It has three bits more of mantissa than bfloat16, so it is eight times nearer to fp32; where it
overflows, fp32 is used.
"""

AGREEMENT = 0.999
"""Part of the images whose single-crop top-1 prediction has to be that of fp32."""

IMAGES = 1000
"""Images that are compared, where there are so many; they are drawn with a fixed seed."""


def settle_precision(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation with the precision that `auto` stands for: on a GPU half where it agrees with
    fp32, else fp32.

    The first rank compares, for all; the runtime keeps the counts.
    """
    runtime = evaluation.runtime
    if evaluation.options.precision != "auto" or runtime.device.type != "cuda":
        return evaluation
    same, compared = ranks().broadcast_from_first(lambda: count_agreement(evaluation, HALF))
    chosen = HALF if compared and same >= AGREEMENT * compared else "fp32"
    reporter.note(f"{HALF} predicts the same as fp32 on {same:,} of {compared:,} images: using {chosen}")
    return replace(evaluation, runtime=replace(runtime, precision=chosen, agreement=(HALF, same, compared)))


def count_agreement(evaluation: Evaluation, precision: str) -> tuple[int, int]:
    """Images with the same single-crop top-1 prediction in that precision as in fp32, and images compared."""
    images = evaluation.images.sample(IMAGES, 0)
    single = replace(evaluation, images=images, plan=evaluation.plan.single_crop())
    both = [with_precision(single, name) for name in ("fp32", precision)]
    pipeline = build_pipeline(both, [evaluation.scorer() for evaluation in both])
    try:
        ((exact, half),) = pipeline.shards([range(len(images))], skip_unreadable=True)
    except BenchError:  # an output that is not finite
        return 0, len(images)
    predictions = [shard.probabilities[single.plan.names[0]].argmax(axis=1) for shard in (exact, half)]
    same = predictions[0] == predictions[1]
    return int(same.sum()), len(same)
