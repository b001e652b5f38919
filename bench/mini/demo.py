"""The mini benchmark: what ImageNet and a GPU are not needed for."""

from pathlib import Path

from bench.distributed import is_first
from bench.evaluation.evaluate import run_several
from bench.mini import NETWORKS
from bench.options import Options
from bench.progress import Reporter
from results.ensemble import ensemble
from results.run import Run


def run_demo(out: Path, reporter: Reporter) -> list[Run]:
    """The runs of the four mini networks under the 1, 10, 12 and 144 crops on the mini set, and that of their ensemble.

    The ensemble is made by the first of torchrun's ranks alone.
    """
    runs = run_several(",".join(NETWORKS), Options(crops="144", out=out), reporter)
    return [*runs, ensemble(runs, out)] if is_first() else runs
