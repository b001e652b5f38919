"""The error over a training, from its checkpoints (figures 21 to 26 of the Inception-v4 paper)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from bench.errors import WeightsError
from bench.evaluation.evaluate import run_evaluations
from bench.evaluation.label_check import GivenOrder, find_mix_up
from bench.options import Options
from bench.progress import Reporter
from results.report import csv
from results.report.html.charts import Line, Point, file_chart
from results.run import Run
from results.storage import write
from results.tables import accuracy
from results.text import crops_in_words


def evaluate_checkpoints(options: Options, reporter: Reporter) -> dict[int, Run]:
    """Evaluate every checkpoint in the folder `options.weights`: the runs by epoch.

    Predictions that are no better than chance do not end it, not even the last epoch's: the curve of a
    training that failed is a result, too. Raises `WeightsError` where there is no checkpoint.
    """
    folder = Path(options.weights or "").expanduser()
    by_epoch = {_epoch(path): path for path in folder.glob("*.safetensors")}
    if not by_epoch:
        raise WeightsError(
            f"no checkpoints in {folder}: name a folder that `inception-bench train` wrote, or a file"
        )
    runs = {}
    for number, epoch in enumerate(sorted(by_epoch), 1):
        each = replace(options, weights=str(by_epoch[epoch]), allow_implausible=True)
        with reporter.part(number, len(by_epoch)):
            (runs[epoch],) = run_evaluations([each], reporter)
    return runs


def find_implausible(runs: dict[int, Run], label_order: str) -> str | None:
    """What is wrong with labels or weights, in one line, where even the last epoch's predictions and the
    labels do not fit; or None. `label_order` is the option.
    """
    last = runs[max(runs)]
    model, shards = last.manifest.model, list(last.shards())
    scores = [list(shard.probabilities.values())[-1] for shard in shards]
    predicted = np.concatenate([each.argmax(axis=1) for each in scores])
    labels = np.concatenate([shard.labels for shard in shards])
    assert model.outputs
    given = None if label_order == "auto" else GivenOrder(cast(Any, model.label_order), model.outputs)
    return find_mix_up(predicted, labels, scores[0].shape[1], given)


def write_curve(runs: dict[int, Run], options: Options) -> tuple[pd.DataFrame, list[Path]]:
    """The table of the runs, with a column `epoch`; and the files that it is written to, as .csv and .svg.

    They are in `options.out`, named as the last epoch's run: by network, data and protocols.
    """
    tables = [accuracy([run]).assign(epoch=epoch) for epoch, run in runs.items()]
    table = pd.concat(tables, ignore_index=True)
    name = f"curve-{runs[max(runs)].path.name}"
    files = [options.out / f"{name}.csv", options.out / f"{name}.svg"]
    write(files[0], csv.write(table).encode("utf-8", "surrogateescape"))
    write(files[1], _draw(table, options.model).encode())
    return table, files


def _draw(table: pd.DataFrame, model: str) -> str:
    """Top-1 and top-5 error of the largest protocol, on the last image set."""
    protocol, image_set = table[["protocol", "image_set"]].iloc[-1]
    rows = table[(table["protocol"] == protocol) & (table["image_set"] == image_set)]
    title = f"{model}, {crops_in_words(protocol)}, {image_set} ({rows['n'].iloc[0]:,} images)"
    lines = [_line(f"top-{k} error", rows["epoch"].tolist(), rows[f"top{k}_error"].tolist()) for k in (1, 5)]
    return file_chart(title, "epoch", lines)


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
