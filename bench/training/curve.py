"""The error over a training, from its checkpoints (figures 21 to 26 of the Inception-v4 paper)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.errors import WeightsError
from bench.evaluation.evaluate import run_evaluations
from bench.options import Options
from bench.progress import Reporter
from results.report import csv
from results.report.charts import Line, Point, Tick, file_chart
from results.run import Run
from results.storage import write
from results.tables import accuracy


def evaluate_checkpoints(options: Options, reporter: Reporter) -> dict[int, Run]:
    """Evaluate every checkpoint in the folder `options.weights`: the runs by epoch.

    Only the last epoch's predictions have to be better than chance. Raises `WeightsError` where there
    is no checkpoint.
    """
    folder = Path(options.weights or "").expanduser()
    by_epoch = {_epoch(path): path for path in folder.glob("*.safetensors")}
    if not by_epoch:
        raise WeightsError(
            f"no checkpoints in {folder}: name a folder that `inception-bench train` wrote, or a file"
        )
    runs = {}
    for epoch in sorted(by_epoch):
        implausible = options.allow_implausible or epoch != max(by_epoch)
        each = replace(options, weights=str(by_epoch[epoch]), allow_implausible=implausible)
        (runs[epoch],) = run_evaluations([each], reporter)
    return runs


def write_curve(runs: dict[int, Run], model: str, folder: Path) -> pd.DataFrame:
    """The table of the runs, with a column `epoch`; written to `folder` as `curve.csv` and `curve.svg`."""
    tables = [accuracy([run]).assign(epoch=epoch) for epoch, run in runs.items()]
    table = pd.concat(tables, ignore_index=True)
    write(folder / "curve.csv", csv.write(table).encode("utf-8", "surrogateescape"))
    write(folder / "curve.svg", _draw(table, model).encode())
    return table


def _draw(table: pd.DataFrame, model: str) -> str:
    """Top-1 and top-5 error of the largest protocol, on the last image set."""
    protocol, image_set = table[["protocol", "image_set"]].iloc[-1]
    rows = table[(table["protocol"] == protocol) & (table["image_set"] == image_set)]
    crops = "crop" if protocol == "1" else "crops"
    title = f"{model}, {protocol} {crops}, {image_set} ({rows['n'].iloc[0]:,} images)"
    lines = [_line(f"top-{k} error", rows["epoch"].tolist(), rows[f"top{k}_error"].tolist()) for k in (1, 5)]
    ticks = [Tick(epoch, f"{epoch:g}") for epoch in rows["epoch"].tolist()]
    return file_chart(title, "epoch", lines, ticks)


def _line(name: str, epochs: Sequence[int], errors: Sequence[float]) -> Line:
    """Errors over epochs, without intervals."""
    points = [
        Point(epoch, error, error, error, f"{name}, epoch {epoch}: {error:.2f} %")
        for epoch, error in zip(epochs, errors, strict=True)
    ]
    return Line(name, points)


def _epoch(checkpoint: Path) -> int:
    """The last number in the file's name; 0 where there is none."""
    return int((re.findall(r"\d+", checkpoint.stem) or ["0"])[-1])
