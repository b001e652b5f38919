"""From a file of scores to a run on disk. Nothing is written before all is checked."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data import Images
from bench.data.devkit import Blacklist
from bench.data.file_names import shown
from bench.errors import DataError, ImplausibleLabels, UsageError
from bench.evaluation.engine import SHARD_IMAGES
from bench.evaluation.environment import environment
from bench.evaluation.evaluate import open_data
from bench.evaluation.label_check import GivenOrder, LabelCheck
from bench.evaluation.prepare import check_numbers, check_some_count
from bench.evaluation.records import blacklist_record, data_record
from bench.imports.files import StoredScores, read_names, read_scores
from bench.imports.rows import rows_of_images
from bench.imports.scores import are_probabilities, find_order, to_probabilities
from bench.options import Options
from bench.progress import Reporter
from bench.zoo.loading import LabelOrder, check_label_order
from crops import DIALECTS, parse
from results.manifest import IMPORTED, Manifest, ModelRecord, PlanRecord, ProtocolRecord, identity_of
from results.names import imported_name
from results.run import Run, Shard, find_run_folder
from results.whole_run import write_whole_run


def make_run(
    file: str,
    options: Options,
    *,
    names: Path | None,
    model: str | None,
    logits: bool,
    protocol: str,
    reporter: Reporter,
) -> Run:
    """The run of the probabilities, or with `logits` of the logits, in a file: [images x outputs].

    `names` is a text file with the name of each row's image. Without it the file says, or the rows are in the
    data's order. `model` is what tables call the network, by default the file's name, and `protocol` names
    the crops that were pooled. Of `options` those in `OPTIONS` count. Raises as `bench.import_predictions`
    does.
    """
    check_numbers(options)
    check_label_order(options.label_order)
    record = _protocol(protocol)
    stored = read_scores(file)
    if names is not None:
        stored = _with_names(stored, names)
    images, blacklist = open_data(options, reporter)
    check_some_count(images)
    order, columns = find_order(stored, images.classes, options.label_order)
    predictions = Predictions(
        stored=stored,
        images=images,
        rows=_rows(stored, images, reporter),
        order=order,
        columns=columns,
        logits=logits,
        model=Path(stored.path).stem if model is None else model,
        protocol=record,
    )
    if not predictions.model.strip():
        raise UsageError("--model is empty: write the network's name")
    manifest = _manifest(predictions, options, blacklist)
    _check_plausible(predictions, options)
    title = f"{predictions.model}-{IMPORTED}-{Path(images.path).name}-{predictions.protocol_name}"
    folder = find_run_folder(options.out, title, manifest.identity)
    return write_whole_run(folder, manifest, map(predictions.shard, manifest.parts), fresh=options.fresh)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Scores, which image each row is of, and which class each column."""

    stored: StoredScores
    images: Images
    rows: NDArray[np.int64]
    """[n] the row of each image."""
    order: LabelOrder
    columns: NDArray[np.int64]
    """[classes] the column of each class index."""
    logits: bool
    """Whether the scores are logits."""
    model: str
    """What the user calls the network."""
    protocol: PlanRecord

    @property
    def protocol_name(self) -> str:
        """The name of the one protocol."""
        return next(iter(self.protocol.protocols))

    @cached_property
    def identity(self) -> str:
        """Hash of all that decides the figures, and of what the run is called."""
        return identity_of(
            {
                "file": self.sha256,
                "array": self.stored.array,
                "rows": hashlib.sha256(self.rows.tobytes()).hexdigest(),
                "label order": self.order,
                "logits": str(self.logits),
                "model": self.model,
                "protocol": self.protocol_name,
                "images or labels": self.images.fingerprint(),
            }
        )

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        with self.stored.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def scores(self, part: range) -> NDArray[np.float32]:
        """[n x outputs] the scores of these images."""
        with np.errstate(over="ignore"):  # a double that is too large becomes infinite, which is refused
            return np.asarray(self.stored.values[self.rows[part.start : part.stop]], dtype=np.float32)

    def shard(self, part: range) -> Shard:
        """The predictions for these images."""
        probabilities = to_probabilities(self.scores(part), self.columns, logits=self.logits)
        ids = list(self.images.ids[part.start : part.stop])
        labels = self.images.labels[part.start : part.stop]
        return Shard(part.start, part.stop, ids, labels, {self.protocol_name: probabilities})


def _protocol(name: str) -> PlanRecord:
    """The protocol of that name, of which only the number of crops is known.

    It is one of `crops.parse`, or the single crop of another tool, such as `1/timm`.
    """
    if name in [f"1/{dialect}" for dialect in DIALECTS]:
        return PlanRecord(protocols={name: ProtocolRecord(crops=1)})
    if "," in name:
        raise UsageError(f"--protocol {name}: a file has the predictions of one protocol, name that one")
    protocol = parse(name, 224)[-1]
    return PlanRecord(protocols={protocol.name: ProtocolRecord(crops=protocol.crops)})


def _with_names(stored: StoredScores, path: Path) -> StoredScores:
    """The scores with the names in a text file."""
    names = read_names(path)
    if len(names) != len(stored.values):
        raise DataError(
            f"{path} has {len(names):,} names for the {len(stored.values):,} rows of {stored.path}: "
            "write a name on a line for each row"
        )
    return replace(stored, names=names)


def _rows(stored: StoredScores, images: Images, reporter: Reporter) -> NDArray[np.int64]:
    """[n] the row of each image: by the rows' names, or in the order of the images."""
    if stored.names is not None:
        return rows_of_images(stored.names, images, str(stored.path))
    if len(stored.values) != len(images):
        raise DataError(
            f"{stored.path} has {len(stored.values):,} rows for the {len(images):,} images of {images.path}, "
            "and no names: say which image each row is of with --names"
        )
    reporter.note(
        f"{stored.path} has no names: its rows are taken to be the images of {images.path} in their order, "
        f"from {shown(images.ids[0])} to {shown(images.ids[-1])}"
    )
    return np.arange(len(images))


def _manifest(predictions: Predictions, options: Options, blacklist: Blacklist | None) -> Manifest:
    """The manifest of the run before it has shards."""
    stored, images = predictions.stored, predictions.images
    return Manifest(
        identity=predictions.identity,
        complete=False,
        model=ModelRecord(
            name=imported_name(predictions.model),
            paper=predictions.model,
            provider=IMPORTED,
            architecture=predictions.model,
            weights=f"{stored.path}:{stored.array}" if stored.array else str(stored.path),
            weights_sha256=predictions.sha256,
            outputs=stored.values.shape[1],
            label_order=predictions.order,
        ),
        data=data_record(images, options),
        plan=predictions.protocol,
        runtime=None,
        shard_images=SHARD_IMAGES,
        blacklist=blacklist_record(blacklist, images),
        skipped={},
        shards=(),
        options=options.changed() | ({"logits": True} if predictions.logits else {}),
        environments=(environment(),),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _check_plausible(predictions: Predictions, options: Options) -> None:
    """Raise `DataError` for rows that are no predictions, and `ImplausibleLabels` where labels and
    predictions do not fit.
    """
    images, outputs = predictions.images, predictions.stored.values.shape[1]
    given = None if options.label_order == "auto" else GivenOrder(predictions.order, outputs)
    check = LabelCheck(len(images.classes), given, images.class_set)
    problem = None
    probable = 0
    for start in range(0, len(images), SHARD_IMAGES):
        part = range(start, min(start + SHARD_IMAGES, len(images)))
        probable += _count_probabilities(predictions, part)
        problem = problem or check.add(predictions.shard(part))
    if predictions.logits and probable == len(images):
        raise UsageError(f"{predictions.stored.path} has probabilities already: leave --logits out")
    if problem and not options.allow_implausible:
        raise ImplausibleLabels(f"{problem} (--allow-implausible continues all the same)")


def _count_probabilities(predictions: Predictions, part: range) -> int:
    """How many of these images have a row of probabilities: all, unless they are logits. Raises `DataError`
    for a row with anything else.
    """
    scores = predictions.scores(part)
    finite = np.isfinite(scores.sum(axis=1, dtype=np.float64))
    if not finite.all():
        raise DataError(
            f"{_row(predictions, part, finite)} has an infinite score, or one that is missing or no number: "
            "compute it again"
        )
    good = are_probabilities(scores)
    if not (good.all() or predictions.logits):
        worst = scores[np.flatnonzero(~good)[0]]
        raise DataError(
            f"{_row(predictions, part, good)} does not have probabilities: the lowest is {worst.min():.4g} "
            f"and their sum {worst.sum(dtype=np.float64):.4g}; pass --logits if they are logits"
        )
    return int(good.sum())


def _row(predictions: Predictions, part: range, good: NDArray[np.bool_]) -> str:
    """What a message calls the row of the first of these images that is not good."""
    image = part[int(np.flatnonzero(~good)[0])]
    path = predictions.stored.path
    return f"{path}: row {predictions.rows[image] + 1:,}, of {shown(predictions.images.ids[image])},"
