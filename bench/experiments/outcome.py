"""What came out of an experiment: errors over the epochs, exact paired tests, the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.errors import NotFinite
from bench.experiments.run import Trained
from bench.experiments.table import Finding
from results.comparison import Comparison, compare
from results.metrics import sign_flip_p
from results.report import csv
from results.report.html.charts import Line, Point, file_chart
from results.storage import write
from results.tables import accuracy

ALPHA = 0.01
"""An effect is shown where p is below, as for `inception-bench check`."""


@dataclass(frozen=True)
class Effect:
    """How a variant does beside another one after the last epoch."""

    variant: str
    """Its label."""

    against: str
    """Label of the other."""

    paper: Finding
    """What the paper found."""

    finding: str
    """What is found here: `better`, `worse`, `no effect shown`, or what diverged."""

    differences: list[float]
    """For each seed the variant's top-1 error less the other's, in points."""

    p_value: float | None
    """Of the exact paired test over the images, with all seeds; None where a training diverged."""

    as_good_after: int | None
    """The first epoch with an error as low as the other's lowest; None where there is none."""


def epochs_table(trainings: Sequence[Trained]) -> pd.DataFrame:
    """A row for each training, epoch and image set: `results.tables.accuracy` with variant, seed and epoch.

    Raises `NotFinite` where none came through its first epoch.
    """
    tables = [
        accuracy([run]).assign(variant=trained.variant.label, seed=trained.seed, epoch=epoch)
        for trained in trainings
        for epoch, run in trained.runs.items()
    ]
    if not tables:
        raise NotFinite("every training diverged in its first epoch: there is nothing to compare")
    table = pd.concat(tables, ignore_index=True)
    first = ["variant", "seed", "epoch"]
    return table[first + [name for name in table if name not in first]]


def effects(trainings: Sequence[Trained]) -> list[Effect]:
    """What each variant does beside the one that it is compared with."""
    by_label: dict[str, list[Trained]] = {}
    for trained in trainings:
        by_label.setdefault(trained.variant.label, []).append(trained)
    return [
        _effect(group, by_label[group[0].variant.against])
        for group in by_label.values()
        if group[0].variant.against
    ]


def _effect(group: Sequence[Trained], others: Sequence[Trained]) -> Effect:
    """`group` and `others` are the trainings of two variants by seed."""
    variant = group[0].variant
    diverged = [one.variant.label for one in (*group, *others) if one.diverged]
    if diverged:
        finding = f"{' and '.join(dict.fromkeys(diverged))} diverged"
        return Effect(variant.label, variant.against, variant.finding, finding, [], None, None)
    pairs = [
        compare(other.runs[max(other.runs)], one.runs[max(one.runs)])
        for one, other in zip(group, others, strict=True)
    ]
    gains = np.sum([_gains(pair) for pair in pairs], axis=0)
    p_value = sign_flip_p(gains)
    finding = "no effect shown" if p_value >= ALPHA else "better" if gains.sum() > 0 else "worse"
    errors = mean_errors(epochs_table(group))
    lowest = mean_errors(epochs_table(others)).min()
    as_good = errors[errors <= lowest]
    return Effect(
        variant.label,
        variant.against,
        variant.finding,
        finding,
        [pair.top1_error[1] - pair.top1_error[0] for pair in pairs],
        p_value,
        int(as_good.index[0]) if len(as_good) else None,
    )


def _gains(pair: Comparison) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """[n] 1 for an image that b alone has right, -1 for one that a alone has right, else 0."""
    right_a, right_b = (pair.images[run] == pair.images["label"] for run in ("a", "b"))
    return right_b.to_numpy(dtype=np.int64) - right_a.to_numpy(dtype=np.int64)


def final_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each training's last epoch, on all images."""
    last = table.groupby(["variant", "seed"])["epoch"].transform("max")
    return table[(table["epoch"] == last) & (table["image_set"] == "all")].reset_index(drop=True)


def mean_errors(table: pd.DataFrame) -> "pd.Series[float]":
    """The top-1 error on all images by epoch, the mean over the seeds. `table` is of one variant."""
    return table[table["image_set"] == "all"].groupby("epoch")["top1_error"].mean()


def write_outcome(name: str, table: pd.DataFrame, out: Path) -> list[Path]:
    """Write the table as OUT/NAME.csv and its chart as OUT/NAME.svg, and return their paths."""
    files = [out / f"{name}.csv", out / f"{name}.svg"]
    write(files[0], csv.write(table).encode("utf-8", "surrogateescape"))
    write(files[1], _draw(name, table).encode())
    return files


def _draw(name: str, table: pd.DataFrame) -> str:
    """A line for each variant: its top-1 error on all images, the mean, the lowest and the highest seed."""
    rows = table[table["image_set"] == "all"]
    lines = [_line(str(label), part) for label, part in rows.groupby("variant", sort=False)]
    title = f"{name}: top-1 error on {rows['n'].iloc[0]:,} images"
    return file_chart(title, "epoch", lines)


def _line(label: str, rows: pd.DataFrame) -> Line:
    by_epoch = rows.groupby("epoch")["top1_error"].agg(["mean", "min", "max"])
    return Line(
        label,
        [
            Point(
                float(epoch),
                row["mean"],
                row["min"],
                row["max"],
                f"{label}, epoch {epoch}: {row['mean']:.2f} %",
            )
            for epoch, row in zip(by_epoch.index.tolist(), by_epoch.to_dict("records"), strict=True)
        ],
    )
