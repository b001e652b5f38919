"""Tables of runs, as pandas frames."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results import published
from results.calibration import Calibration, calibration
from results.class_sets import ClassSet
from results.comparable import check_each_once
from results.errors import RunError, RunUsageError
from results.manifest import ModelRecord, plain
from results.metrics import chances_of_change, error_percent, rounding_explains, wilson_interval
from results.names import distinct_names
from results.run import NON_BLACKLISTED, Run, Shard
from results.scoring import AS_STORED, Judgement, Scoring, Truth, clean_counterparts, judge, top_predictions

HELD = ("verdict", "top1_gap", "top5_gap")
"""The columns of how a row was held to what was published for its weights."""

SCORED = ("class_set", "truth")
"""The columns that say how a row was scored, where that was not over all classes by the run's own labels."""

KEY = ("model", "protocol", "image_set", *SCORED)
"""The columns that name a row."""

MEASURED = ("n", "top1_hits", "top5_hits", "top1_error", "top5_error")
"""The columns of what was measured."""

ROUNDING = {"fp32": 1e-5, "fp16": 0.02, "bf16": 0.15}
"""How far the logarithm of the ratio of two probabilities is off, by precision: about one standard deviation.

Measured with EfficientNet-Lite0 and Inception-v3 against fp32: 0.05 to 0.15 in bf16, on 300 photographs, and
2e-6 in fp32 between two batch sizes, on 200; with EfficientNet-Lite0 alone 0.014 to 0.017 in fp16, on 200.
"""


@dataclass(frozen=True, kw_only=True)
class AccuracyRow:
    """A row of the table: a run under one protocol, on one image set, scored in one way. The fields are the
    table's columns.

    Errors and their 95 % intervals are in percent. Published errors are None where nothing was published.
    """

    model: str
    """The network's name, or that of the ensemble; of `distinct_names` where the table has several runs."""
    protocol: str
    image_set: str
    """`all` or `non-blacklisted`."""
    class_set: str
    """The set of classes among which the network chose; empty for all."""
    truth: str
    """The labels, such as `real`; empty for the run's own."""
    n: int
    """Images, without those that have no label in the set, or none at all."""
    top1_hits: int
    top5_hits: int
    top1_error: float
    top5_error: float
    top1_low: float
    top1_high: float
    top5_low: float
    top5_high: float
    top1_near: float
    """How many images are expected to become a top-1 hit, or to be one no longer, by `ROUNDING`."""
    top5_near: float
    nll: float | None
    """How far the probabilities can be believed, as `Calibration` has it, like the next two; None where an
    image has several right classes.
    """
    brier: float | None
    ece: float | None
    classes: int
    """Among which the network chose."""
    weights_top1: float | None
    """What others measured with the same weights, over all classes by the usual labels."""
    weights_top5: float | None
    weights_source: str
    verdict: str
    """Whether that agrees with what was measured here, as `published.verdict` says it; empty where it is not
    of the same tool's crop.
    """
    top1_gap: float | None
    """Points by which the error is above what was published; None where they cannot be compared."""
    top5_gap: float | None
    paper_top1: float | None
    """What the paper gives for the network."""
    paper_top5: float | None
    paper_source: str
    images_sha256: str
    """Equal where images and labels are."""
    protocol_sha256: str
    """Equal where the protocols of two networks are."""
    weights: str
    """The tag of the weights, or where they came from."""
    run: str
    """The name of the run's folder."""


@dataclass(frozen=True)
class Counts:
    """What is counted of some images under one protocol."""

    n: int = 0
    """Images."""
    top1_hits: int = 0
    top5_hits: int = 0
    top1_near: float = 0.0
    """The expected number of images whose top-1 hit or miss rounding changes."""
    top5_near: float = 0.0
    calibration: Calibration | None = field(default_factory=Calibration, compare=False)
    """None where an image has several right classes. Sums of floats depend on their order: not compared."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.n + other.n,
            self.top1_hits + other.top1_hits,
            self.top5_hits + other.top5_hits,
            self.top1_near + other.top1_near,
            self.top5_near + other.top5_near,
            self.calibration and other.calibration and self.calibration + other.calibration,
        )


def accuracy(runs: Sequence[Run], scoring: Scoring | Sequence[Scoring] = AS_STORED) -> pd.DataFrame:
    """A row for each run, way of scoring, image set and protocol, with the columns of `AccuracyRow`.

    Runs over all classes have the rows of `clean_counterparts` as well. Reads each shard once. Raises
    `IncompleteRun`, and `RunError` for a run that is named twice, or has no image that counts.
    """
    check_each_once(runs)
    stated = [scoring] if isinstance(scoring, Scoring) else scoring
    rows = []
    for run, name in zip(runs, distinct_names(runs), strict=True):
        rows += _rows(run, name, [each.of_run(run) for each in stated], clean_counterparts(run, runs, stated))
    names = [item.name for item in fields(AccuracyRow)]
    return pd.DataFrame({name: _column([getattr(row, name) for row in rows]) for name in names})


def without_unused(table: pd.DataFrame) -> pd.DataFrame:
    """The table without those columns of `SCORED` that are empty in every row, and without those of `HELD` if
    no row has a verdict.
    """
    unused = [name for name in SCORED if name in table and not table[name].any()]
    held = HELD if "verdict" in table and not table["verdict"].any() else ()
    return table.drop(columns=[*unused, *held])


def _column(values: Sequence[Any]) -> "pd.Series[Any]":
    """A column of a table. Text stays Python's own, because some names are not Unicode."""
    return pd.Series(values, dtype=object if str in map(type, values) else None)


def count_hits(
    shard: Shard, excluded: frozenset[str] | None, rounding: float = 0.0, scoring: Scoring = AS_STORED
) -> dict[tuple[str, str], Counts]:
    """The counts of a shard by (protocol, image set).

    `excluded` are the ids of images on the blacklist; with None there is one image set. `rounding` is a
    value of `ROUNDING`, or 0 where nothing is to be said of it. `scoring` is of `Scoring.of_run`.
    """
    judged = judge(shard, scoring)
    labels = judged.labels
    image_sets = {"all": np.ones(len(judged.ids), dtype=bool)}
    if excluded is not None:
        image_sets[NON_BLACKLISTED] = np.array([image_id not in excluded for image_id in judged.ids], bool)
    counts = {}
    for protocol in shard.probabilities:
        probabilities = judged.probabilities(protocol)
        rank = judged.ranks(protocol)
        near = _changes(judged, protocol, rounding)
        for name, chosen in image_sets.items():
            counts[protocol, name] = Counts(
                n=int(chosen.sum()),
                top1_hits=int((rank < 1)[chosen].sum()),
                top5_hits=int((rank < 5)[chosen].sum()),
                top1_near=float(near[0][chosen].sum()),
                top5_near=float(near[1][chosen].sum()),
                calibration=None if labels is None else calibration(probabilities[chosen], labels[chosen]),
            )
    return counts


def _changes(judged: Judgement, protocol: str, rounding: float) -> NDArray[np.float64]:
    """[2 x n] the probability that rounding changes whether each image is a top-1 and a top-5 hit."""
    if not rounding:
        return np.zeros((2, len(judged.kept)))
    return chances_of_change(judged.margins(protocol, (1, 5)), rounding)


def _rows(run: Run, name: str, stated: Sequence[Scoring], further: Sequence[Scoring]) -> list[AccuracyRow]:
    """The rows of a run, under this name; those of `further` ways of scoring only where images count."""
    scorings = [*stated, *further]
    counts: list[dict[tuple[str, str], Counts]] = [{} for _ in scorings]
    excluded, rounding = run.excluded, _rounding(run)
    data = ""
    for shard in run.shards():
        data = data or _data_set(run, shard)
        for scoring, found in zip(scorings, counts, strict=True):
            for key, more in count_hits(shard, excluded, rounding, scoring).items():
                found[key] = found.get(key, Counts()) + more
    rows = []
    for number, (scoring, found) in enumerate(zip(scorings, counts, strict=True)):
        if number < len(stated) and not any(each.n for each in found.values()):
            raise RunError(why_no_rows(run, scoring))
        rows += [
            _row(run, name, data, protocol, image_set, scoring, found[protocol, image_set])
            for image_set in ("all", NON_BLACKLISTED)
            for protocol in run.protocols
            if (protocol, image_set) in found and found[protocol, image_set].n
        ]
    return rows


def why_no_rows(run: Run, scoring: Scoring) -> str:
    """Why a run has no image that counts by `scoring`, and what to do."""
    if not any(shard.images for shard in run.manifest.shards):
        return f"{run.path} has no image that could be read, so there is nothing to report"
    labels = f"label in {scoring.truth_name}" if scoring.truth else "label"
    among = f" that is among the classes {scoring.class_set}" if scoring.classes else ""
    return f"no image of {run.path} has a {labels}{among}: leave the run out, or score it otherwise"


def _rounding(run: Run) -> float:
    """The value of `ROUNDING`: in an ensemble that of the least precise member.

    The precision of imported predictions is not known. They count as fp32.
    """
    networks = run.manifest.model.members or (run.manifest,)
    return max(ROUNDING[each.runtime.precision if each.runtime else "fp32"] for each in networks)


def _data_set(run: Run, shard: Shard) -> str:
    """Which images those of a run are, by the name of the first one of a shard."""
    data = run.manifest.data
    return published.data_set(
        "".join(shard.ids[:1]), data.path, data.class_set.name if data.class_set else ""
    )


def _row(
    run: Run, name: str, data: str, protocol: str, image_set: str, scoring: Scoring, counts: Counts
) -> AccuracyRow:
    model = run.manifest.model
    top1_low, top1_high = wilson_interval(counts.top1_hits, counts.n)
    top5_low, top5_high = wilson_interval(counts.top5_hits, counts.n)
    nothing = published.Figure(None, None, "")
    found = counts.calibration
    scored = {"data": data, "class_set": scoring.class_set, "truth": scoring.truth_name}
    figures = published.of_weights(weights_of(model), protocol, image_set, **scored)
    # those of the native crop are of one crop, so that their range says something
    weights = (published.spread(figures) if protocol == "native" else next(iter(figures), None)) or nothing
    held = _hold(run, protocol, figures, counts, published.image_number(image_set, **scored))
    as_printed = data == "validation" and not (scoring.classes or scoring.truth)
    paper = (as_printed and published.of_paper(paper_names(model), protocol, image_set)) or nothing
    return AccuracyRow(
        model=name,
        protocol=protocol,
        image_set=image_set,
        class_set=scoring.class_set,
        truth=scoring.truth_name,
        n=counts.n,
        top1_hits=counts.top1_hits,
        top5_hits=counts.top5_hits,
        top1_error=error_percent(counts.top1_hits, counts.n),
        top5_error=error_percent(counts.top5_hits, counts.n),
        top1_low=top1_low,
        top1_high=top1_high,
        top5_low=top5_low,
        top5_high=top5_high,
        top1_near=round(counts.top1_near, 2),
        top5_near=round(counts.top5_near, 2),
        nll=found.nll if found else None,
        brier=found.brier if found else None,
        ece=found.ece if found else None,
        classes=len(scoring.classes.groups) if scoring.classes else class_number(run),
        weights_top1=weights.top1_error,
        weights_top5=weights.top5_error,
        weights_source=weights.source,
        verdict=held.words,
        top1_gap=held.top1_gap,
        top5_gap=held.top5_gap,
        paper_top1=paper.top1_error,
        paper_top5=paper.top5_error,
        paper_source=paper.source,
        images_sha256=run.manifest.data.fingerprint,
        protocol_sha256=_protocol_hash(run, protocol),
        weights=model.tag or model.weights,
        run=run.path.name,
    )


def _hold(
    run: Run, protocol: str, figures: Sequence[published.Figure], counts: Counts, images: int | None
) -> published.Verdict:
    """The verdict on a row beside the figures of its weights, which are of so many images."""
    plan = run.manifest.plan
    if not figures or images is None:
        return published.Verdict("")
    record = plan.protocols[protocol]
    crop = published.Crop(
        protocol=protocol,
        size=plan.size,
        resized=record.resized,
        interpolation=record.interpolation,
        squash=record.squash,
    )
    top1 = published.Hits(counts.n, counts.top1_hits, rounding_explains(counts.top1_near))
    top5 = published.Hits(counts.n, counts.top5_hits, rounding_explains(counts.top5_near))
    return published.verdict(figures, crop, images, top1, top5)


def _protocol_hash(run: Run, protocol: str) -> str:
    """Of the protocol's views, its pooling, resampling and input, for each network."""
    plans = [member.plan for member in run.manifest.model.members] or [run.manifest.plan]
    content = [[plain(plan.protocols[protocol]), plan.pool, plan.interpolation, plan.size] for plan in plans]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def class_number(run: Run) -> int:
    """How many classes a run's predictions are of."""
    names = run.manifest.data.classes
    return 1000 if names is None else len(names)


def weights_of(model: ModelRecord) -> str:
    """A network's weights as the published figures name them, such as `timm/inception_v3.tf_in1k`.

    >>> weights_of(ModelRecord(name="v3", provider="timm", architecture="inception_v3", tag="tf_in1k"))
    'timm/inception_v3.tf_in1k'
    """
    return f"{model.provider}/{model.architecture}.{model.tag}"


def paper_names(model: ModelRecord) -> list[str]:
    """The papers' names for a run's network, or for those of its ensemble.

    >>> paper_names(ModelRecord(name="v3", provider="timm", architecture="inception_v3"))
    ['v3']
    """
    models = [member.model for member in model.members] or [model]
    return [each.paper or each.name for each in models]


def predictions(
    run: Run,
    protocol: str | int,
    names: Sequence[str] = (),
    *,
    classes: ClassSet | None = None,
    truths: Sequence[Truth] = (),
) -> pd.DataFrame:
    """A row for each image: image, label, top1 to top5 (the likeliest classes), p1 to p5 (their
    probabilities), and p_label (that of the label).

    With the `names` of the classes by class index there are label_name and top1_name to top5_name as well.
    The classes are chosen among `classes` as `Scoring` has them, and p_label is empty where the label is not
    among them. For each of `truths` there are right_by_NAME, whether top1 is right by it, and p_by_NAME, the
    probability of the likeliest right class; both are empty where it has no label.
    Raises `IncompleteRun`, and `RunUsageError` for a protocol that the run lacks.
    """
    name = str(protocol)
    if name not in run.protocols:
        raise RunUsageError(f"{run.path} has no protocol {name!r}: it has {', '.join(run.protocols)}")
    own, *others = (Scoring(classes, truth).of_run(run) for truth in (None, *truths))
    frame = pd.concat([_predictions(shard, name, own, others) for shard in run.shards()], ignore_index=True)
    if not names:
        return frame
    numbers = [column for column in frame if column == "label" or str(column).startswith("top")]
    return frame.assign(
        **{f"{column}_name": _column([names[i] for i in frame[column]]) for column in numbers}
    )


def _predictions(shard: Shard, protocol: str, own: Scoring, others: Sequence[Scoring]) -> pd.DataFrame:
    best, highest = top_predictions(shard.probabilities[protocol], own.classes, 5)
    columns = range(1, best.shape[1] + 1)
    ids = pd.Series(shard.ids, dtype=object)  # some file names are not Unicode
    frame = pd.DataFrame({"image": ids, "label": shard.labels})
    frame[[f"top{k}" for k in columns]] = best
    frame[[f"p{k}" for k in columns]] = highest
    judged = judge(shard, own)
    frame["p_label"] = pd.Series(judged.p_right(protocol), judged.kept)
    for scoring in others:
        judged = judge(shard, scoring)
        right = (judged.ranks(protocol) == 0).tolist()
        frame[f"right_by_{scoring.truth_name}"] = pd.Series(right, judged.kept, dtype=object)
        frame[f"p_by_{scoring.truth_name}"] = pd.Series(judged.p_right(protocol), judged.kept)
    return frame
