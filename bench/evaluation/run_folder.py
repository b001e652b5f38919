"""The folder of a run that is being evaluated: opened or begun, what is missing of it, and how it is
finished.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.data import Images
from bench.distributed import ranks
from bench.errors import BenchError, ImplausibleLabels
from bench.evaluation.engine import check_any_readable
from bench.evaluation.environment import environment
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.label_check import LabelCheck
from bench.evaluation.records import blacklist_record
from bench.evaluation.run_place import choose_path, locked, put_in_place, read_stored
from bench.progress import Reporter
from bench.zoo.networks import FOREIGN
from crops import NATIVE
from results.errors import IncompleteRun, RunError
from results.larger_run import find_larger_run, take_shards
from results.manifest import Manifest, ShardRecord
from results.run import MANIFEST, SHARDS, Run, Shard, find_run_folder, write_manifest
from results.run import finish as finish_run
from results.storage import parse_path, reaching

SHOWN_EVERYWHERE = 60.0
"""Seconds after which a shared file system shows every machine what the others wrote, if it ever does."""


@dataclass
class UnfinishedRun:
    """A run that this process, or this rank, works on."""

    folder: Path
    """Where the run goes."""
    path: Path
    """Where it is until it is complete: `folder`, or `FRESH` in it."""
    evaluation: Evaluation
    reporter: Reporter
    missing: list[range]
    """The ranges of images without a sound shard, when it was opened; the same on all ranks."""
    stored: Run | None = None
    """As it is on disk; the first rank has it."""
    records: list[ShardRecord] = field(default_factory=list)
    """Of the shards that this rank has seen: those it wrote and, on the first rank, those found sound."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The reason for each image in those shards that could not be read."""
    hits: Counter[str] = field(default_factory=Counter)
    """The top-1 hits in those shards, by protocol."""
    label_check: LabelCheck = field(init=False)
    began: float = field(default_factory=time.monotonic)
    batch: int = 0
    """The smallest batch that was used; 0 where nothing was evaluated."""

    def __post_init__(self) -> None:
        images = self.evaluation.images
        self.label_check = LabelCheck(len(images.classes), self.evaluation.given_order, images.class_set)

    def save(self, shard: Shard) -> None:
        """Write a shard, and stop where labels and predictions do not fit. Raises `RunError`,
        `ImplausibleLabels`.
        """
        self.add(shard, shard.save(self.path / SHARDS, self.evaluation.identity))

    def add(self, shard: Shard, record: ShardRecord) -> None:
        """Count a shard that is on disk. Raises `ImplausibleLabels`."""
        self.records.append(record)
        self.skipped |= shard.skipped
        self.hits.update(shard.top1_hits)
        self._judge(self.label_check.add(shard))

    def finish(self) -> Run:
        """Mark the run as complete, once all ranks are here. Raises `IncompleteRun`,
        `ImplausibleLabels`, `RunError`.
        """
        found = ranks().gather(lambda: (self.records, self.skipped, self.hits, self.label_check, self.batch))
        ranks().broadcast_from_first(lambda: self._finish_for_all(found))
        return self.stored or Run.open(self.folder)

    def _finish_for_all(
        self, found: list[tuple[list[ShardRecord], dict[str, str], Counter[str], LabelCheck, int]]
    ) -> None:
        """What the first rank does with what all ranks found."""
        assert self.stored
        for *_, check, _ in found[1:]:  # each rank has judged its own images alone
            self._judge(self.label_check.add_predictions(check.predicted, check.labels, check.ranks))
        if self.missing or not self.stored.complete:
            self._wait_until_shown()
            records = [record for records, *_ in found for record in records]
            skipped = {name: reason for _, skipped, *_ in found for name, reason in skipped.items()}
            hits: Counter[str] = Counter()
            for _, _, counted, *_ in found:
                hits.update(counted)  # a sum of counters would leave out zeros
            self._use_smallest_batch([batch for *_, batch in found if batch])
            seconds = self.stored.manifest.seconds + time.monotonic() - self.began
            check_any_readable(skipped, len(self.evaluation.images), self.evaluation.images.path)
            self.stored = finish_run(self.stored, records, skipped, seconds, hits)
        self._note_scoring()
        if self.stored.skipped:
            self.reporter.note(
                f"{len(self.stored.skipped):,} images could not be read and are left out; "
                f"{self.folder / MANIFEST} lists them"
            )
        if self.path != self.folder:
            put_in_place(self.folder, _name_shards)
            self.stored = Run(self.folder, self.stored.manifest)

    def _judge(self, problem: str | None) -> None:
        if problem and not self.evaluation.options.allow_implausible:
            raise ImplausibleLabels(f"{problem} (--allow-implausible continues all the same)")

    def _use_smallest_batch(self, batches: list[int]) -> None:
        """Note in the manifest the batch that fitted in memory."""
        assert self.stored
        manifest = self.stored.manifest
        assert manifest.runtime
        if batches and min(batches) < manifest.runtime.batch:
            runtime = replace(manifest.runtime, batch=min(batches))
            self.stored = Run(self.path, replace(manifest, runtime=runtime))

    def _note_scoring(self) -> None:
        """Note in the manifest the classes among which predictions are scored, and which images are on the
        blacklist, where that is known, if it is not what was noted before.
        """
        assert self.stored
        noted, images = self.stored.manifest, self.evaluation.images
        manifest = replace(
            noted,
            data=replace(noted.data, class_set=images.class_set),
            blacklist=blacklist_record(self.evaluation.blacklist, images) or noted.blacklist,
        )
        if manifest != noted:
            self.stored = write_manifest(self.path, manifest)

    def _wait_until_shown(self) -> None:
        """Wait for what other machines wrote, which a shared file system may show some seconds later."""
        if ranks().size == 1:
            return
        assert self.stored
        deadline = time.monotonic() + SHOWN_EVERYWHERE
        paths = [self.stored.shard_path(part) for part in self.stored.parts]
        while time.monotonic() < deadline and not all(path.exists() for path in paths):
            time.sleep(1)


@contextmanager
def open_run(evaluation: Evaluation, reporter: Reporter) -> Iterator[UnfinishedRun]:
    """The run of this evaluation: the one on disk, under whatever name it was begun, or a new one.

    The first rank opens it, and keeps other commands from it as far as locks on its folder reach; all
    ranks get the same ranges that are missing. Raises `RunError`, `ImplausibleLabels`, and `BenchError`
    where a rank would evaluate something else, or write elsewhere.
    """
    own: list[UnfinishedRun] = []
    with ExitStack() as locks:

        def open_on_first() -> tuple[str, str, dict[str, str], list[range]]:
            folder = find_folder(evaluation)
            locks.enter_context(locked(folder, _name_shards))
            run = _open_locked(folder, evaluation, reporter)
            own.append(run)
            return str(folder), str(run.path), evaluation.decisive, run.missing

        *found, decisive, missing = ranks().broadcast_from_first(open_on_first)
        folder, path = map(parse_path, found)
        ranks().gather(lambda: _check_same(evaluation, decisive, path))
        yield own[0] if own else UnfinishedRun(folder, path, evaluation, reporter, missing)


def _open_locked(folder: Path, evaluation: Evaluation, reporter: Reporter) -> UnfinishedRun:
    """The run in `folder`, or for `--fresh` the one that will take its place."""
    path = choose_path(folder, _name_shards, reporter, fresh=evaluation.options.fresh)
    stored = read_stored(path, Run.open, evaluation.identity, reporter) or _begin(path, evaluation, reporter)
    run = UnfinishedRun(folder, path, evaluation, reporter, missing=[], stored=stored)
    _find_missing(run)
    if run.missing:
        run.stored = _note_environment(stored, reporter)
    return run


def _find_missing(run: UnfinishedRun) -> None:
    """Look through the shards: those that are sound count, the others are missing, also in a complete run.

    Shards that leave out images count as missing unless `--skip-unreadable`: the images may have been
    repaired. With `--verify` those count as missing, too, of which an image has another content now, or whose
    images' content is not known.
    """
    assert run.stored
    options = run.evaluation.options
    replaced = 0
    listed = {shard.start: shard.sha256 for shard in run.stored.manifest.shards}
    for part in run.stored.parts:
        try:
            shard, record = Shard.load(
                run.stored.shard_path(part), run.stored.identity, listed.get(part.start)
            )
        except IncompleteRun:
            run.missing.append(part)
            continue
        if shard.skipped and not options.skip_unreadable:
            run.missing.append(part)
        elif options.verify and not _has_the_content_of(run.evaluation.images, part, shard):
            replaced += 1
            run.missing.append(part)
        else:
            run.add(shard, record)
    if replaced:
        run.reporter.note(
            "images were replaced, or their content was not recorded: "
            f"{replaced:,} of {len(run.stored.parts):,} shards to evaluate again"
        )


def _has_the_content_of(images: Images, part: range, shard: Shard) -> bool:
    """Whether the shard was evaluated on the files that these images have now. Raises `DataError`."""
    if shard.content is None:
        return False
    now = images.content_hashes(part)
    evaluated = [images.ids[i] not in shard.skipped for i in part]
    return np.array_equal(now[evaluated], shard.content)


def _check_same(evaluation: Evaluation, decisive: dict[str, str], folder: Path) -> None:
    """Raise `BenchError` where this rank would evaluate something else than the first one, or write
    elsewhere.
    """
    differing = [name for name, value in evaluation.decisive.items() if value != decisive[name]]
    if differing:
        raise BenchError(
            f"the {' and '.join(differing)} on this machine are not those of the first rank: "
            "bring the same to all machines"
        )
    if not (folder / MANIFEST).exists():
        raise BenchError(
            f"{folder} is not where the first rank writes to: name an --out that all machines reach"
        )


def find_folder(evaluation: Evaluation) -> Path:
    """Where the run of this evaluation is, or goes. Raises `RunError`."""
    options = evaluation.options
    crops = evaluation.plan.names[-1] if options.crops == "auto" else options.crops.replace(",", "+")
    protocols = crops if options.dialect == "paper" else options.dialect
    network = evaluation.network.network
    model = network.name if network.provider in FOREIGN else options.model  # which may have a path
    data = Path(evaluation.images.path.removeprefix("hf://")).name.partition(":")[0]
    return find_run_folder(options.out, f"{model}-{data}-{protocols}", evaluation.identity)


def _name_shards(folder: Path) -> set[str] | None:
    """The names of the files of a complete run's shards; None for any other folder."""
    try:
        run = Run.open(folder)
    except RunError:
        return None
    return {run.shard_path(part).name for part in run.parts} if run.complete else None


def _begin(path: Path, evaluation: Evaluation, reporter: Reporter) -> Run:
    """A new run in `path`; with the predictions of one with more crops where there is one beside it."""
    manifest = _new_manifest(evaluation)
    larger = None if evaluation.options.fresh else find_larger_run(evaluation.options.out, manifest)
    if larger is None:
        return write_manifest(path, manifest)
    reporter.note(f"{larger.path} holds these crops, which are taken from it; --fresh evaluates them again")
    run = write_manifest(
        path,
        replace(
            manifest,
            taken_from=larger.path.name,
            runtime=larger.manifest.runtime,
            environments=larger.manifest.environments,
        ),
    )
    try:
        for shard in take_shards(larger, manifest.parts, list(manifest.plan.protocols)):
            shard.save(path / SHARDS, manifest.identity)
    except IncompleteRun as error:
        reporter.note(f"{error}; what it lacks is evaluated here")
    return run


def prefer_stored(evaluation: Evaluation, reporter: Reporter) -> Evaluation:
    """The evaluation, but without the native crop where that only came along, and `--out` has a run without
    it and none with it: no crop is evaluated again for its sake. Raises `RunError`.
    """
    options, plan = evaluation.options, evaluation.plan
    came_along = NATIVE in plan.names and len(plan.names) > 1 and NATIVE not in options.crops
    if options.fresh or not came_along:
        return evaluation
    without = replace(evaluation, plan=plan.without(NATIVE))
    if not ranks().broadcast_from_first(lambda: _is_stored(without) and not _is_stored(evaluation)):
        return evaluation
    reporter.note(
        f"{options.out} has a run of these crops without the native one, which is used as it is: "
        "--crops native evaluates that alone, and --fresh all of them"
    )
    return without


def _is_stored(evaluation: Evaluation) -> bool:
    """Whether the run of this evaluation was begun, or one with more crops is complete."""
    folder = find_folder(evaluation)
    with reaching(folder):
        if (folder / MANIFEST).exists():
            return True
    return find_larger_run(evaluation.options.out, _new_manifest(evaluation)) is not None


def planned_run(evaluation: Evaluation) -> Run:
    """The run of this evaluation, before anything of it is on disk: what there is to check of it."""
    return Run(find_folder(evaluation), _new_manifest(evaluation))


def _new_manifest(evaluation: Evaluation) -> Manifest:
    """The manifest of a run before it has shards."""
    return Manifest(
        identity=evaluation.identity,
        complete=False,
        **evaluation.records,
        blacklist=blacklist_record(evaluation.blacklist, evaluation.images),
        skipped={},
        shards=(),
        options=evaluation.options.changed(),
        environments=(environment(),),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _note_environment(run: Run, reporter: Reporter) -> Run:
    """Note this program's versions in the manifest, where they are not those that the run was evaluated
    with so far.
    """
    so_far = run.manifest.environments
    if so_far[-1] == environment():
        return run
    reporter.note("the run was begun with other versions; its manifest lists both")
    return write_manifest(run.path, replace(run.manifest, environments=(*so_far, environment())))
