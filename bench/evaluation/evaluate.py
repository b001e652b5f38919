"""From options to a run on disk. Begin here to see the order of the steps."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from torch import nn

from bench.data import Images, open_images
from bench.data.devkit import Blacklist
from bench.distributed import ranks
from bench.errors import BenchError, UsageError
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.evaluation.findings import (
    examine_blacklist,
    examine_images,
    examine_weights,
    open_blacklist,
    report_notes,
)
from bench.evaluation.prepare import check_options, check_settings, prepare, prepare_loaded
from bench.evaluation.run_folder import UnfinishedRun, open_run, planned_run, prefer_stored
from bench.options import Options
from bench.progress import Done, Reporter
from bench.zoo.from_python import Described, load_module
from results.ensemble import check_members
from results.run import Run


def run_evaluations(several: Sequence[Options], reporter: Reporter) -> list[Run]:
    """The runs of several networks on the same images: the options differ in model and weights alone.

    Networks that see the same crops share their decoding and rendering. Under torchrun every rank calls
    this and evaluates parts of the same runs. Raises as `bench.evaluate` does.
    """
    return run_prepared(prepare_all(several, reporter), reporter)


def prepare_all(several: Sequence[Options], reporter: Reporter) -> list[Evaluation]:
    """The evaluations of several networks on the same images, ready to run. Raises as `bench.evaluate`
    does.
    """
    for options in several:
        check_options(options)
    _check_same_command(several)
    images, blacklist = open_data(several[0], reporter)
    evaluations = []
    for number, options in enumerate(several, 1):
        with reporter.part(number, len(several)):
            evaluations.append(prepare_on(images, blacklist, options, reporter))
    check_each_once(evaluations)
    return evaluations


def prepare_on(
    images: Images, blacklist: Blacklist | None, options: Options, reporter: Reporter
) -> Evaluation:
    """The evaluation of one network on images of `open_data`, ready to run. Raises as `bench.evaluate`
    does.
    """
    return prefer_stored(prepare(options, images, blacklist, reporter), reporter)


def run_prepared(evaluations: Sequence[Evaluation], reporter: Reporter) -> list[Run]:
    """The runs of evaluations that `prepare_all` returned. Raises as `bench.evaluate` does."""
    with ExitStack() as opened:
        runs = [opened.enter_context(open_run(evaluation, reporter)) for evaluation in evaluations]
        groups = _groups_that_share_crops([run for run in runs if run.missing])
        for number, group in enumerate(groups, 1):
            with reporter.part(number, len(groups)):
                _evaluate_missing(group, reporter)
        return [run.finish() for run in runs]


def open_data(options: Options, reporter: Reporter) -> tuple[Images, Blacklist | None]:
    """The images to evaluate and the blacklist; what is worth knowing of them is reported. Raises
    `DataError`.
    """
    reporter.step(f"opening {options.data}")
    images = open_images(options.data, options.labels, options.devkit, options.classes)
    report_notes(examine_images(images, options), reporter)
    images = images.sample(options.limit, options.shuffle_seed)
    blacklist = open_blacklist(images, options)
    report_notes(examine_blacklist(blacklist, images), reporter)
    return images, blacklist


def evaluate_module(module: nn.Module, preprocessing: Described, options: Options, reporter: Reporter) -> Run:
    """The run of a module of the user's, which stays as it is.

    `preprocessing` says what it expects of its input, where it has no `pretrained_cfg` that does. Raises as
    `bench.evaluate` does.
    """
    if options.weights is not None or options.ema is not None:
        raise UsageError("weights and ema are for a model that is named: a module has its weights")
    stated = check_settings(options, None)
    _check_same_command([options])
    network = load_module(module, preprocessing, options.label_order, stated)
    images, blacklist = open_data(options, reporter)
    report_notes(examine_weights(network, options), reporter)
    return run_prepared([prepare_loaded(options, images, blacklist, network, reporter)], reporter)[0]


def evaluate_members(runs: Sequence[Run], models: str, options: Options, reporter: Reporter) -> list[Run]:
    """The members of an ensemble: these runs, and those of the networks in `models`, as `options_for_each`
    reads them. They are checked to fit together before any is evaluated. Raises as `bench.evaluate` does.
    """
    if not models:
        return list(runs)
    evaluations = prepare_all(options_for_each(models, options), reporter)
    check_members([*runs, *map(planned_run, evaluations)])
    return [*runs, *run_prepared(evaluations, reporter)]


def options_for_each(models: str, options: Options, option: str = "--models") -> list[Options]:
    """The options of each network in `models`: NAME, NAME.TAG or NAME=FILE, with commas between.

    `option` is what the command line calls `models`. Raises `UsageError`.
    """
    words = [word.strip() for word in models.split(",") if word.strip()]
    if not words:
        raise UsageError(
            f"{option} {models!r} names no network: write NAME, NAME.TAG or NAME=FILE, with commas"
        )
    several = []
    for word in words:
        name, equals, file = word.partition("=")
        if equals and not Path(file).expanduser().is_file():
            raise UsageError(
                f"no weights at {file}: there is no such file; write {option} NAME=FILE or NAME.TAG"
            )
        several.append(replace(options, model=name, weights=file or None))
    return several


def _evaluate_missing(runs: Sequence[UnfinishedRun], reporter: Reporter) -> None:
    """Evaluate what is missing, which is the same for all of these runs, and save the shards."""
    first = runs[0]
    names = ", ".join(run.evaluation.options.model for run in runs)
    if len(runs) > 1:
        reporter.note(f"{names} see the same crops, which are rendered once")
    evaluations = [run.evaluation for run in runs]
    compiled = any(evaluation.runtime.compile for evaluation in evaluations)
    reporter.step(f"{'compiling and ' if compiled else ''}evaluating {names}")
    scorers = [evaluation.scorer(reporter.note) for evaluation in evaluations]
    pipeline = build_pipeline(evaluations, scorers, reporter.note)
    images = len(first.evaluation.images)
    check = first.label_check
    before = Done(images - sum(map(len, first.missing)), judged=check.judged, right=check.right)
    reporter.start(images, before)
    with ranks().share_progress(reporter.advance) as progress:
        parts = ranks().hand_out(first.missing)
        skip = first.evaluation.options.skip_unreadable
        for shards in pipeline.shards(parts, skip_unreadable=skip, progress=progress):
            for run, shard in zip(runs, shards, strict=True):
                run.save(shard)
    for run, scorer in zip(runs, scorers, strict=True):
        run.batch = min(scorer.batch, pipeline.batch)


def _groups_that_share_crops(runs: Sequence[UnfinishedRun]) -> list[list[UnfinishedRun]]:
    """The runs whose networks see the same crops, and which lack the same images, together."""
    groups: dict[object, list[UnfinishedRun]] = {}
    for run in runs:
        groups.setdefault((run.evaluation.sees, tuple(run.missing)), []).append(run)
    return list(groups.values())


def _check_same_command(several: Sequence[Options]) -> None:
    """Raise `BenchError` on a rank that has other networks than the first one."""
    here = [options.model for options in several]
    first = ranks().broadcast_from_first(lambda: here)

    def check() -> None:
        if here != first:
            raise BenchError(
                f"the first rank evaluates {', '.join(first)}, and this one {', '.join(here)}: "
                "give all ranks the same command"
            )

    ranks().gather(check)


def check_each_once(evaluations: Sequence[Evaluation]) -> None:
    """Raise `UsageError` where two evaluations are the same."""
    seen: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        if other := seen.get(evaluation.identity):
            raise UsageError(
                f"{evaluation.options.model} and {other.options.model} are the same network "
                "with the same weights: name it once"
            )
        seen[evaluation.identity] = evaluation
