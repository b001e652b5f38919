"""Whether half precision gives the same figures: measured on the images of the evaluation itself."""

from dataclasses import replace

from bench.data import Images
from bench.distributed import ranks
from bench.errors import BenchError
from bench.evaluation import engine
from bench.evaluation.prepare import Setup
from bench.options import Options
from bench.progress import Reporter, Silent
from crops import Dialect, Plan, parse

HALF = "fp16"
"""Three bits more of mantissa than bfloat16, and so eight times nearer to fp32; where it overflows, fp32 it is."""

AGREEMENT = 0.999
"""Part of the images whose single-crop top-1 prediction has to be that of fp32."""

IMAGES = 1000


def settle(options: Options, setup: Setup, images: Images, reporter: Reporter) -> Setup:
    """The setup with the precision that `auto` stands for: on a GPU half where it agrees with fp32, elsewhere fp32.

    Compared are the single crops of up to a thousand of the images, drawn with a fixed seed; the runtime keeps the counts.
    The first rank compares, for all.
    """
    if options.precision != "auto":
        return setup
    on_gpu = setup.runtime.device.type == "cuda"
    found = ranks().from_first(lambda: agreement(setup, HALF, images.sample(IMAGES, 0)) if on_gpu else None)
    if found is None:
        return setup
    same, compared = found
    chosen = HALF if compared and same >= AGREEMENT * compared else "fp32"
    reporter.note(f"{HALF} predicts as fp32 does on {same:,} of {compared:,} images: --precision {chosen}")
    return replace(setup, runtime=replace(setup.runtime, precision=chosen, agreement=(HALF, same, compared)))


def agreement(setup: Setup, precision: str, images: Images) -> tuple[int, int]:
    """Images with the same single-crop top-1 in that precision as in fp32, and images compared."""
    size = setup.network.preprocessing.size
    plan = setup.plan if isinstance(setup.plan, Dialect) else Plan(parse("1", size), size)
    both = [
        replace(setup, plan=plan, runtime=replace(setup.runtime, precision=name))
        for name in ("fp32", precision)
    ]
    quiet = Silent()
    made = engine.shards(
        images, [range(len(images))], plan, both[0].renderer(), [one.scorer(quiet.note) for one in both],
        runtime=both[0].runtime, skip_unreadable=True, progress=quiet.advance,
    )  # fmt: skip
    try:
        ((exact, half),) = made
    except BenchError:  # an output that is not finite
        return 0, len(images)
    name = plan.names[0]
    same = exact.probabilities[name].argmax(axis=1) == half.probabilities[name].argmax(axis=1)
    return int(same.sum()), len(same)
