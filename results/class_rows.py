"""The table that has a row for each class, as a pandas frame."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.comparable import check_each_once
from results.errors import RunError, RunUsageError
from results.metrics import error_percent, wilson_interval
from results.names import distinct_names
from results.run import Run
from results.scoring import AS_STORED, Scoring, judge
from results.tables import class_number, why_no_rows


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """A row of the table: a run's images of one class. The fields are the table's columns.

    The class is that of the run's own label, also where others decide what is right. Errors, with their
    95 % intervals, are in percent.
    """

    model: str
    """As in `AccuracyRow`, like the next ones."""
    protocol: str
    class_set: str
    truth: str
    label: str
    """The WordNet id of the class, or its name where the classes are not ImageNet's."""
    class_name: str
    n: int
    top1_hits: int
    top5_hits: int
    top1_error: float
    top5_error: float
    top1_low: float
    top1_high: float
    top5_low: float
    top5_high: float
    classes: int
    """Among which the network chose."""
    run: str
    """The name of the run's folder."""


def accuracy_by_class(
    runs: Sequence[Run],
    names: Sequence[Sequence[tuple[str, str]]],
    protocol: str | None = None,
    scorings: Sequence[Scoring] = (AS_STORED,),
) -> pd.DataFrame:
    """A row for each run, way of scoring and class with images that count, with the columns of `ClassRow`.

    `names` are the label and the name of each class of each run, by class index. `protocol` is by default
    the last one of each run. Raises `IncompleteRun`, and `RunError` for a run that is named twice, lacks the
    protocol, or has no image that counts.
    """
    check_each_once(runs)
    for run in runs:
        if protocol and protocol not in run.protocols:
            raise RunUsageError(f"{run.path} has no protocol {protocol!r}: it has {', '.join(run.protocols)}")
    rows = [
        row
        for run, title, classes in zip(runs, distinct_names(runs), names, strict=True)
        for scoring in scorings
        for row in _rows(run, title, classes, protocol or run.protocols[-1], scoring.of_run(run))
    ]
    columns = [item.name for item in fields(ClassRow)]
    texts = {item.name for item in fields(ClassRow) if item.type is str}
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype=object if name in texts else None)
            for name in columns
        }
    )


def _rows(
    run: Run, title: str, names: Sequence[tuple[str, str]], protocol: str, scoring: Scoring
) -> list[ClassRow]:
    """The rows of a run, by class index. `scoring` is of `Scoring.of_run`."""
    counts = np.zeros((3, class_number(run)), dtype=np.int64)
    for shard in run.shards():
        judged = judge(shard, scoring)
        labels, rank = shard.labels[judged.kept], judged.ranks(protocol)
        counts += [_of_classes(labels[chosen], counts.shape[1]) for chosen in (rank >= 0, rank < 1, rank < 5)]
    if not counts.any():
        raise RunError(why_no_rows(run, scoring))
    classes = len(scoring.classes.groups) if scoring.classes else class_number(run)
    rows = []
    for number in np.flatnonzero(counts[0]).tolist():
        n, top1_hits, top5_hits = counts[:, number].tolist()
        top1_low, top1_high = wilson_interval(top1_hits, n)
        top5_low, top5_high = wilson_interval(top5_hits, n)
        label, name = names[number]
        row = ClassRow(
            model=title,
            protocol=protocol,
            class_set=scoring.class_set,
            truth=scoring.truth_name,
            label=label,
            class_name=name,
            n=n,
            top1_hits=top1_hits,
            top5_hits=top5_hits,
            top1_error=error_percent(top1_hits, n),
            top5_error=error_percent(top5_hits, n),
            top1_low=top1_low,
            top1_high=top1_high,
            top5_low=top5_low,
            top5_high=top5_high,
            classes=classes,
            run=run.path.name,
        )
        rows.append(row)
    return rows


def _of_classes(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """[classes] how many images have each label."""
    return np.bincount(labels, minlength=classes)
