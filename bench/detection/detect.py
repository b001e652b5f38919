"""From options to a run of detections. Begin here to see the order of the steps.

GoogLeNet's detector (1409.4842, section 8) classifies regions that another program proposed with an ensemble
of networks, as R-CNN does (1311.2524) with one, and without regressing boxes.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data import Images
from bench.data.file_names import shown
from bench.data.open import open_unlabelled
from bench.detection.proposals import Proposals, read_proposals
from bench.detection.regions import ScoredPart, check_inside, score_parts
from bench.detection.select import Selection, select
from bench.detection.stored import DetectionsRun, DetectionsShard, name_shards, open_detections
from bench.distributed import under_torchrun
from bench.errors import DataError, UsageError
from bench.evaluation.engine import SHARD_CROPS, SHARD_IMAGES, check_any_readable
from bench.evaluation.environment import environment
from bench.evaluation.evaluate import check_each_once, options_for_each
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.findings import examine_weights, report_notes
from bench.evaluation.prepare import check_options, load_for, prepare_loaded
from bench.evaluation.records import data_record, model_record, runtime_record
from bench.evaluation.run_place import locked
from bench.options import Options
from bench.progress import Done, Reporter
from bench.zoo.choose_weights import fetch
from crops.warp import CONTEXT
from results.detection.boxes import Detections
from results.detection.manifest import DetectionsManifest, ProposalsRecord
from results.detection.names import BACKGROUND, image_id
from results.errors import IncompleteRun
from results.manifest import ShardRecord, identity_of
from results.run import MANIFEST, find_run_folder


def detect(
    models: str, proposals_file: str, selection: Selection, options: Options, reporter: Reporter
) -> DetectionsRun:
    """The run of the detections that these networks, averaged, make of the proposals.

    `models` is as `options_for_each` reads it. Raises `UsageError`, `DataError`, `WeightsError`, `NotFinite`
    and `RunError`.
    """
    if under_torchrun():
        raise UsageError("detect works in one process: start it without torchrun")
    selection.check()
    several = [
        replace(each, crops="1", renderer="pillow") for each in options_for_each(models, options, "--model")
    ]
    for each in several:
        check_options(each)
    reporter.step(f"opening {options.data}")
    images = open_unlabelled(options.data)
    _check_names(images)
    reporter.step(f"reading {proposals_file}")
    proposals = read_proposals(proposals_file, images).sample(options.limit)
    images = images.sample(options.limit, seed=None)
    if without := int((np.diff(proposals.starts) == 0).sum()):
        reporter.note(f"{without:,} of {len(images):,} images have no proposals: no detections, then")
    evaluations = []
    for number, each in enumerate(several, 1):
        with reporter.part(number, len(several)):
            evaluations.append(_prepare(each, images, reporter))
    check_each_once(evaluations)
    _check_same_classes(evaluations)
    work = Work(replace(options, model=models), evaluations, proposals, selection)
    if BACKGROUND not in work.images.classes:
        reporter.note(f"no class is called {BACKGROUND}: every region looks like some object")
    folder = find_run_folder(options.out, work.title, work.identity)
    with locked(folder, name_shards):
        return _run(work, folder, reporter)


@dataclass(frozen=True)
class Work:
    """All that decides the detections."""

    options: Options
    """The user's, with the names of all networks as the model."""
    evaluations: Sequence[Evaluation]
    """The networks on the images, whose classes have the background, too."""
    proposals: Proposals
    selection: Selection

    @property
    def images(self) -> Images:
        """Those of the networks."""
        return self.evaluations[0].images

    @cached_property
    def objects(self) -> NDArray[np.int64]:
        """The class indices that are no background."""
        return np.array([i for i, name in enumerate(self.images.classes) if name != BACKGROUND])

    @cached_property
    def parts(self) -> list[range]:
        """The ranges of images that have a shard each: about as many regions as an evaluation's shard has
        crops, or one image.
        """
        starts, parts, first = self.proposals.starts, list[range](), 0
        for image in range(len(self.images)):
            if image == first:
                continue
            if starts[image + 1] - starts[first] > SHARD_CROPS or image - first == SHARD_IMAGES:
                parts.append(range(first, image))
                first = image
        return [*parts, range(first, len(self.images))]

    @property
    def title(self) -> str:
        """What its folder's name begins with."""
        names = "+".join(evaluation.network.network.name for evaluation in self.evaluations)
        data = Path(self.images.path.removeprefix("hf://")).name.partition(":")[0]
        return f"{names}-{data}-detections"

    @property
    def identity(self) -> str:
        """Hash of all that decides the detections."""
        return identity_of(
            {
                "networks": " ".join(evaluation.identity for evaluation in self.evaluations),
                "classes": "\n".join(self.images.classes),
                "proposals": self.proposals.sha256,
                "selection": f"{self.selection} {CONTEXT} {SHARD_CROPS} {SHARD_IMAGES}",
            }
        )

    def manifest(self) -> DetectionsManifest:
        """The manifest before there are shards."""
        classes = self.images.classes
        return DetectionsManifest(
            identity=self.identity,
            networks=tuple(model_record(evaluation.network) for evaluation in self.evaluations),
            runtimes=tuple(runtime_record(evaluation.runtime) for evaluation in self.evaluations),
            data=data_record(self.images, self.options),
            proposals=ProposalsRecord(
                path=self.proposals.path, sha256=self.proposals.sha256, regions=len(self.proposals)
            ),
            classes=tuple(classes[i] for i in self.objects),
            background=BACKGROUND if BACKGROUND in classes else "",
            selection=asdict(self.selection),
            options=self.options.changed(),
            environments=(environment(),),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def ids(self, part: range) -> Sequence[str]:
        """The names of the images of a part."""
        return self.images.ids[part.start : part.stop]

    def shard(self, part: range, scored: ScoredPart) -> DetectionsShard:
        """The detections of the images of a part, from the probabilities of its regions."""
        scores = scored.probabilities[:, self.objects].astype(np.float32)
        begin = self.proposals.regions(part).start
        ids = self.images.ids
        image: list[str] = []
        rows, categories = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for index in part:
            if index in scored.unreadable:
                continue
            regions = self.proposals.regions(range(index, index + 1))
            of_image = slice(regions.start - begin, regions.stop - begin)
            chosen, category = select(
                scores[of_image], self.proposals.box[regions.start : regions.stop], self.selection
            )
            image += [ids[index]] * len(chosen)
            rows.append(chosen + of_image.start)
            categories.append(category)
        row, category = np.concatenate(rows), np.concatenate(categories)
        found = Detections(image, category, scores[row, category], self.proposals.box[begin + row])
        skipped = {ids[index]: str(reason) for index, reason in scored.unreadable.items()}
        return DetectionsShard(part, self.ids(part), found, skipped)


def _check_names(images: Images) -> None:
    """Raise `DataError` where two images have the same name to those that read a table of detections, for
    whom folders and endings do not count.
    """
    known: dict[str, str] = {}
    for name in images.ids:
        if (other := known.setdefault(image_id(name), name)) != name:
            raise DataError(
                f"{images.path} has {shown(other)} and {shown(name)}: score-detections knows an image "
                "without its folder and ending, so give each a name of its own"
            )


def _prepare(options: Options, images: Images, reporter: Reporter) -> Evaluation:
    """A network on the images. Where it predicts a class more than they have, its last is the background."""
    fetch(options.model, options.weights)
    reporter.step(f"loading {options.model}")
    network = load_for(options)
    report_notes(examine_weights(network, options), reporter)
    if network.classes == len(images.classes) + 1 and BACKGROUND not in images.classes:
        images = replace(images, classes=(*images.classes, BACKGROUND))
    return prepare_loaded(options, images, None, network, reporter)


def _check_same_classes(evaluations: Sequence[Evaluation]) -> None:
    first = evaluations[0]
    for other in evaluations:
        if other.images.classes != first.images.classes:
            raise UsageError(
                f"{other.options.model} predicts {other.network.classes:,} classes, and "
                f"{first.options.model} {first.network.classes:,}: average networks of the same classes"
            )


def _run(work: Work, folder: Path, reporter: Reporter) -> DetectionsRun:
    """The run in its folder, with what is missing of it made. Raises as `detect` does."""
    began = time.monotonic()
    run = open_detections(folder, work.manifest(), reporter, fresh=work.options.fresh)
    missing = [part for part in work.parts if not _is_done(work, run, part)]
    if missing:
        _check_inside(work, missing, reporter)
        run = _detect_missing(work, run.begin(reporter), missing, reporter)
    if missing or not run.complete:
        run = run.finish(_sound_shards(work, run), time.monotonic() - began)
    if skipped := run.manifest.skipped:
        reporter.note(
            f"{len(skipped):,} images could not be read and are left out; {run.path / MANIFEST} lists them"
        )
    return run


def _is_done(work: Work, run: DetectionsRun, part: range) -> bool:
    """Whether there is a sound shard, for which no image has to be tried again."""
    found = run.load(part, work.ids(part))
    return found is not None and (work.options.skip_unreadable or not found[0].skipped)


def _check_inside(work: Work, parts: Sequence[range], reporter: Reporter) -> None:
    """Compare the regions of the parts with the sizes of their images, as `check_inside` does."""
    reporter.step("comparing proposals with the sizes of the images")
    proposals = work.proposals
    rows = np.concatenate([proposals.regions(part) for part in parts]).astype(np.int64)
    chosen = replace(proposals, image=proposals.image[rows], box=proposals.box[rows])
    workers = work.evaluations[0].runtime.workers
    check_inside(work.images, chosen, workers, skip_unreadable=work.options.skip_unreadable)


def _detect_missing(
    work: Work, run: DetectionsRun, missing: Sequence[range], reporter: Reporter
) -> DetectionsRun:
    """The run with shards of these parts."""
    reporter.step(f"detecting in {work.images.path}")
    reporter.start(len(work.images), Done(images=len(work.images) - sum(map(len, missing))))
    with_regions = [part for part in missing if work.proposals.regions(part)]
    nothing = ScoredPart(np.empty((0, len(work.images.classes))), unreadable={})
    for part in missing:
        if not work.proposals.regions(part):
            run.save(work.shard(part, nothing))
            reporter.advance(Done(images=len(part)))
    scorers = [evaluation.scorer(reporter.note) for evaluation in work.evaluations]
    scored_parts = score_parts(work.evaluations, scorers, work.proposals, with_regions, reporter.advance)
    with closing(scored_parts):
        for part, scored in zip(with_regions, scored_parts, strict=True):
            run.save(work.shard(part, scored))
            reporter.advance(Done(images=len(part)))
    return run.with_batches(scorer.batch for scorer in scorers)


def _sound_shards(work: Work, run: DetectionsRun) -> Iterator[tuple[DetectionsShard, ShardRecord]]:
    """Every shard in order. Raises `IncompleteRun` where one is gone since, and in the end `DataError` where
    no image with regions could be read.
    """
    skipped: dict[str, str] = {}
    for part in work.parts:
        found = run.load(part, work.ids(part))
        if found is None:
            raise IncompleteRun(
                f"{run.shard_path(part)} is missing or damaged: the same command makes it again"
            )
        skipped |= found[0].skipped
        yield found
    with_regions = int((np.diff(work.proposals.starts) > 0).sum())
    check_any_readable(skipped, with_regions, work.images.path)
