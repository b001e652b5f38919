"""One HTML page of runs that needs no other file: tables, charts, errors by class, mistakes, provenance."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from results.calibration import BINS
from results.comparable import check_each_once
from results.metrics import error_percent, wilson_interval
from results.report.cells import note
from results.report.html.charts import runtime
from results.report.html.error_charts import cost_chart, crops_chart
from results.report.html.flips import find_flips
from results.report.html.reliability import reliability
from results.report.html.table import error_tables
from results.report.html.templates import render
from results.report.html.titles import legend, short_titles
from results.run import Run
from results.scoring import AS_STORED, Scoring, Truth, common_scoring
from results.tables import accuracy, class_number, predictions

MISTAKES = 12
"""How many of a run's most confident mistakes are shown."""

SHARED_SCRIPT = "charts.js"
"""The file with `charts.runtime`, beside the pages of a site."""

Picture = Callable[[str], str]
"""From an image's id to the picture as a data: address; empty where the image is gone."""


def write(
    runs: Sequence[Run],
    names: Sequence[str],
    picture: Picture | None = None,
    scorings: Sequence[Scoring] = (AS_STORED,),
    *,
    calibration: bool = False,
    home: str = "",
) -> str:
    """The page of runs on the same images; with `calibration` its tables of errors have those columns, too.
    `home` is the address of the index that it belongs to; what draws its charts is a file beside that.

    `names` are those of the classes. The first of the `scorings` is by the runs' own labels; the others, by
    other labels, have rows in the table and a section of their own. Raises `RunError`.
    """
    check_each_once(runs)
    common = common_scoring(runs, scorings[0])
    titles = short_titles(runs)
    tables = [_rename(accuracy([run], scorings), title) for run, title in zip(runs, titles, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    measured = [
        rows[(rows["image_set"] == "all") & (rows["truth"] == "")].to_dict("records") for rows in tables
    ]
    truths = [scoring.truth for scoring in scorings if scoring.truth]
    frames = [_judged_predictions(run, scorings[0], truths) for run in runs]
    return render(
        "page.html",
        home=home,
        note=note(table),
        error_tables=error_tables(table, runs, calibration=calibration),
        flips=find_flips(runs, names, common, picture),
        crops=crops_chart(measured, runs, titles),
        costs=cost_chart(measured, runs, titles),
        reliabilities=[reliability(run, title, scorings[0]) for run, title in zip(runs, titles, strict=True)],
        shared_script=SHARED_SCRIPT,
        vega="" if home else Markup(runtime()),  # noqa: S704 - of the library
        bins=BINS,
        data={
            "images": runs[0].manifest.data.images,
            "name": runs[0].manifest.data.path.rstrip("/").rpartition("/")[2],
        },
        titles=titles,
        legend=legend(runs),
        protocols=[run.protocols[-1] for run in runs],
        classes=_classes(frames, names),
        mistakes=[_mistakes(frame, names, picture) for frame in frames],
        others=[
            {"title": title, **_by_other_labels(frame, truth.name)}
            for truth in truths
            for title, frame in zip(titles, frames, strict=True)
        ],
        provenance=[_provenance(run) for run in runs],
    )


def _judged_predictions(run: Run, scoring: Scoring, truths: Sequence[Truth]) -> pd.DataFrame:
    """The predictions of a run's last protocol for the images that count by `scoring`; `right` says whether
    the first is right.
    """
    frame = predictions(run, run.protocols[-1], classes=scoring.classes, truths=truths)
    frame = frame[frame["p_label"].notna()]
    top1, label = frame["top1"].to_numpy(), frame["label"].to_numpy()
    if classes := scoring.of_run(run).classes:
        group = classes.group_of(class_number(run))
        top1, label = group[top1], group[label]
    return frame.assign(right=top1 == label)


def _by_other_labels(frame: pd.DataFrame, truth: str) -> dict[str, Any]:
    """What these labels say of a run's top-1 predictions.

    n images have such labels, and `error` is the top-1 error by them in percent; of these images `mistakes`
    are wrong by the run's own labels, and `excused` of those are right by the others.
    """
    found = frame[frame[f"right_by_{truth}"].notna()]
    right = found[f"right_by_{truth}"].astype(bool)
    mistakes = ~found["right"]
    return {
        "labels": truth,
        "n": len(found),
        "error": error_percent(int(right.sum()), len(found)),
        "mistakes": int(mistakes.sum()),
        "excused": int((mistakes & right).sum()),
    }


def _rename(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a run under another name, which may not be Unicode."""
    return rows.assign(model=pd.Series(name, index=rows.index, dtype=object))


def _classes(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> list[dict[str, Any]]:
    """For each class with images its name, n, and each run's top-1 error with the interval.

    The classes in which the first run errs most come first.
    """
    counts = [frame.groupby("label")["right"].agg(["sum", "size"]) for frame in frames]
    rows = []
    for label in counts[0].index:
        errors, n = [], 0
        for count in counts:
            hits, n = int(count.loc[label, "sum"]), int(count.loc[label, "size"])
            low, high = wilson_interval(hits, n)
            errors.append({"error": error_percent(hits, n), "interval": f"{low:.0f} to {high:.0f}"})
        rows.append({"name": names[label], "n": n, "runs": errors})
    return sorted(rows, key=lambda row: -row["runs"][0]["error"])


def _mistakes(frame: pd.DataFrame, names: Sequence[str], picture: Picture | None) -> list[dict[str, Any]]:
    """The most confident wrong predictions.

    Each has image, picture, label, prediction, and the probabilities of the prediction and of the label in
    percent, p and p_label.
    """
    wrong = frame[~frame["right"]]
    order = np.argsort(-wrong["p1"].to_numpy(), kind="stable")[:MISTAKES]
    return [
        {
            "image": str(row["image"]),
            "picture": Markup(picture(row["image"])) if picture else "",  # noqa: S704 - base64
            "label": names[row["label"]],
            "prediction": names[row["top1"]],
            "p": 100 * row["p1"],
            "p_label": 100 * row["p_label"],
        }
        for row in wrong.iloc[order].to_dict("records")
    ]


def _provenance(run: Run) -> list[tuple[str, str]]:
    """What decides a run's figures, as (name, value), without what is not known."""
    manifest = run.manifest
    model, data, runtime, blacklist = manifest.model, manifest.data, manifest.runtime, manifest.blacklist
    versions = manifest.environments[-1] if manifest.environments else {}
    values = {
        "run": str(run.path),
        "network": f"{model.provider}/{model.architecture}" if model.architecture else "",
        "members": ", ".join(member.run for member in model.members),
        "weights": f"{model.tag or model.weights}{', the running average' if model.ema else ''}",
        "sha256 of the weights": model.weights_sha256,
        "images": f"{data.images:,} of {data.path}",
        "sha256 of the list of images": data.fingerprint,
        "labels": data.labels,
        "blacklist": blacklist.source if blacklist else "not known",
        "left out": f"{len(run.skipped):,} images that could not be read" if run.skipped else "",
        "pooling": manifest.plan.pool or "",
        "device and precision": f"{runtime.device_name}, {runtime.precision}" if runtime else "",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "begun": manifest.started,
    }
    return [(name, value) for name, value in values.items() if value]
