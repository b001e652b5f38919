"""A suite, run: a data set after the other, and on each a network after the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.data import open_images
from bench.distributed import ranks
from bench.errors import BenchError, UsageError
from bench.evaluation.evaluate import open_data, prepare_on, run_prepared
from bench.evaluation.prepare import check_classes, check_options
from bench.progress import Reporter
from bench.suites.suite import Suite
from bench.zoo import find
from results.ensemble import ensemble
from results.errors import RunError
from results.gate import PUBLISHED
from results.run import Run
from results.storage import parse_path


@dataclass
class Outcome:
    """What came of a suite."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    """By the name of the data set: those of the networks, and then those of the ensembles."""
    failures: list[str] = field(default_factory=list)
    """Why a network could not be evaluated on a data set, in a line each."""

    @property
    def all_runs(self) -> list[Run]:
        """The runs on all data sets."""
        return [run for runs in self.runs.values() for run in runs]


def check_suite(suite: Suite) -> None:
    """Raise `BenchError` or `crops.ProtocolError` for options that mean nothing, and for data that cannot be
    opened: before hours are spent on the rest.
    """
    check = suite.check
    if check and check.against != PUBLISHED and not check.against.exists():
        raise UsageError(
            f"no baseline at {check.against}: leave [check] out at first, and make one of the suite's table "
            "with `check TABLE.csv --against BASELINE.csv --update`"
        )
    for several in suite.evaluations.values():
        for options in several:
            check_options(options)
        first = several[0]
        images = open_images(first.data, first.labels, first.devkit, first.classes)
        for options in several:
            network = find(options.model)
            if options.weights is None and not network.is_known_once_loaded:
                check_classes(network.classes, images, options)


def run_suite(suite: Suite, reporter: Reporter) -> Outcome:
    """Evaluate each network on each data set, all protocols in one pass; what is finished is used again.

    A network that cannot be evaluated is noted, and the others go on, without the ensembles that it is in.
    Under torchrun every rank calls this. Raises `RunError` where runs cannot be averaged.
    """
    outcome = Outcome()
    for name, several in suite.evaluations.items():
        runs: dict[int, Run] = {}
        images, blacklist = open_data(several[0], reporter)
        for number, options in enumerate(several):
            try:
                with reporter.part(number + 1, len(several), name):
                    evaluation = prepare_on(images, blacklist, options, reporter)
                    (runs[number],) = run_prepared([evaluation], reporter)
            except (BenchError, RunError) as error:
                if ranks().size > 1:  # the other ranks have failed with it
                    raise
                outcome.failures.append(f"{options.model} on {name}: {error}")
                reporter.note(f"{options.model} is left out: {error}")
        outcome.runs[name] = [*runs.values(), *_ensembles(suite, name, runs)]
    return outcome


def _ensembles(suite: Suite, name: str, runs: Mapping[int, Run]) -> list[Run]:
    """The ensembles on the data set `name` that have all their members; the first rank makes them."""
    out = suite.evaluations[name][0].out
    whole = [members for members in suite.ensembles if all(member in runs for member in members)]
    paths = ranks().broadcast_from_first(
        lambda: [str(ensemble([runs[member] for member in members], out).path) for members in whole]
    )
    return [Run.open(parse_path(path)) for path in paths]
