"""The error over a training, from its checkpoints (figures 21 to 26 of the Inception-v4 paper)."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.errors import WeightsError
from bench.evaluation.evaluate import run_evaluation
from bench.options import Options
from bench.progress import Reporter
from results.report import csv, curve
from results.run import Run
from results.storage import write
from results.tables import accuracy


def over_training(options: Options, reporter: Reporter) -> tuple[list[Run], pd.DataFrame]:
    """Evaluate every checkpoint in the folder `options.weights`: the runs, and their table with a column `epoch`.

    Writes the table to `curve.csv` in that folder and draws it to `curve.svg`. Only the last epoch's predictions must be
    better than chance.
    Raises `WeightsError` where there is no checkpoint.
    """
    folder = Path(options.weights or "").expanduser()
    checkpoints = list(folder.glob("*.safetensors"))
    if not checkpoints:
        raise WeightsError(
            f"no checkpoints in {folder}: name a folder that `inception-bench train` wrote, or a file"
        )
    epochs = {path: int((re.findall(r"\d+", path.stem) or ["0"])[-1]) for path in checkpoints}
    checkpoints.sort(key=lambda path: epochs[path])
    early = replace(options, allow_implausible=True)
    runs = [run_evaluation(replace(early, weights=str(path)), reporter) for path in checkpoints[:-1]]
    runs.append(run_evaluation(replace(options, weights=str(checkpoints[-1])), reporter))
    tables = [accuracy([run]).assign(epoch=epochs[path]) for path, run in zip(checkpoints, runs, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    write(folder / "curve.csv", csv.write(table).encode())
    last = runs[0].protocols[-1]
    drawn = table[(table["protocol"] == last) & (table["image_set"] == table["image_set"].iloc[-1])]
    title = f"{options.model}, {last} crop{'s' * (last != '1')}, {drawn['image_set'].iloc[0]} ({drawn['n'].iloc[0]:,} images)"
    series = {f"top-{k} error": list(drawn[f"top{k}_error"]) for k in (1, 5)}
    write(folder / "curve.svg", curve.draw(title, "epoch", list(drawn["epoch"]), series).encode())
    reporter.note(f"wrote {folder}/curve.csv and {folder}/curve.svg")
    return runs, table
