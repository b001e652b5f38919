"""One self-contained HTML page of runs: tables, pictures, per-class errors, the most confident mistakes, provenance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from results.comparable import each_once
from results.metrics import error, wilson
from results.report import charts
from results.report.cells import NUMBERS, cells, note
from results.report.charts import Point
from results.run import Run
from results.tables import accuracy, predictions

MISTAKES = 12
"""How many of a run's most confident mistakes are shown."""

Picture = Callable[[str], str]
"""From an image's id to the picture as a data: address; empty where it is no longer there."""


@dataclass(frozen=True)
class Noise:
    """What other labels of the same images say of a run's top-1 (ReaL: Beyer et al., 2006.07159).

    `n` images have such labels; of the `mistakes` among them by the original labels, `excused` are right by these.
    """

    n: int
    error: float
    mistakes: int
    excused: int


def write(
    runs: Sequence[Run],
    names: Sequence[str],
    picture: Picture | None = None,
    noise: Sequence[Noise] | None = None,
) -> str:
    """The page of runs on the same images. `names` are of the classes, `noise` is one for each run, if asked for."""
    each_once(runs)
    tables = [accuracy([run]) for run in runs]
    table = pd.concat(tables, ignore_index=True)
    measured = [rows[rows["image_set"] == "all"].to_dict("records") for rows in tables]
    frames = [predictions(run, run.protocols[-1]) for run in runs]
    titles = _titles(runs)
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("results.report", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("page.html").render(
        numbers=NUMBERS,
        note=note(table),
        rows=cells(table),
        crops=Markup(_crops_chart(measured, runs, titles)),  # noqa: S704 - drawn here, with every name escaped
        costs=Markup(_cost_chart(measured, runs, titles)),  # noqa: S704
        titles=titles,
        protocols=[run.protocols[-1] for run in runs],
        classes=_classes(frames, names),
        mistakes=[_mistakes(frame, names, picture) for frame in frames],
        noise=list(zip(titles, noise, strict=True)) if noise else [],
        provenance=[_provenance(run) for run in runs],
    )


def _titles(runs: Sequence[Run]) -> list[str]:
    """What each run is called on the page: its network, and its folder where two are of the same."""
    names = [str(run.manifest["model"]["name"]) for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.path.name[-8:]})"
        for name, run in zip(names, runs, strict=True)
    ]


Rows = Sequence[Mapping[Any, Any]]
"""A run's rows of the table, on all images."""


def _crops_chart(measured: Sequence[Rows], runs: Sequence[Run], titles: Sequence[str]) -> str:
    """Top-1 error against the number of crops; dense evaluation has no place on that axis."""
    series = []
    for rows, run, title in zip(measured, runs, titles, strict=True):
        crops = {
            name: how["crops"] for name, how in run.manifest["plan"]["protocols"].items() if name != "dense"
        }
        line = [_point(row, crops[row["protocol"]], title) for row in rows if row["protocol"] in crops]
        if line:
            series.append((title, sorted(line, key=lambda point: point.x)))
    if not series:
        return ""
    ticks = sorted({point.x for _, line in series for point in line})
    return charts.draw(
        "Top-1 error against the number of crops", "crops", series, [(at, f"{at:g}") for at in ticks]
    )


def _cost_chart(measured: Sequence[Rows], runs: Sequence[Run], titles: Sequence[str]) -> str:
    """Top-1 error of the last protocol against multiply-adds of one crop through all networks of the run."""
    series = []
    for rows, run, title in zip(measured, runs, titles, strict=True):
        if cost := run.manifest["model"].get("multiply_adds"):
            series.append((title, [_point(rows[-1], cost / 1e9, f"{title}, {cost / 1e9:.3g} G")]))
    if not series:
        return ""
    costs = [line[0].x for _, line in series]
    digits = (1, 2, 5) if max(costs) > 10 * min(costs) else range(1, 10)
    ticks = [
        mark
        for power in range(-6, 5)
        for digit in digits
        if min(costs) / 1.3 < (mark := digit * 10.0**power) < max(costs) * 1.3
    ]
    return charts.draw(
        "Top-1 error against multiply-adds",
        "billion multiply-adds a crop",
        series,
        [(at, f"{at:g}") for at in ticks],
    )


def _point(row: Mapping[Any, Any], x: float, title: str) -> Point:
    low, high = row["top1_low"], row["top1_high"]
    return Point(
        x,
        row["top1_error"],
        low,
        high,
        f"{title}, {row['protocol']}: {row['top1_error']:.2f} % [{low:.2f}, {high:.2f}]",
    )


def _classes(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> list[dict[str, Any]]:
    """For each class with images: its name, n, and each run's top-1 error and interval."""
    counts = [
        frame.assign(right=frame["top1"] == frame["label"]).groupby("label")["right"].agg(["sum", "size"])
        for frame in frames
    ]
    rows = []
    for label in counts[0].index:
        hits = [(int(count.loc[label, "sum"]), int(count.loc[label, "size"])) for count in counts]
        cells_ = [
            {"error": error(*pair), "interval": "{:.0f} to {:.0f}".format(*wilson(*pair))} for pair in hits
        ]
        rows.append({"name": names[label], "n": hits[0][1], "runs": cells_})
    return sorted(rows, key=lambda row: -row["runs"][0]["error"])


def _mistakes(frame: pd.DataFrame, names: Sequence[str], picture: Picture | None) -> list[dict[str, Any]]:
    """The most confident wrong predictions: image, picture, label, what was seen, and both probabilities in percent."""
    wrong = frame[frame["top1"] != frame["label"]]
    order = np.argsort(-wrong["p1"].to_numpy(), kind="stable")[:MISTAKES]
    return [
        {
            "image": str(row["image"]), "picture": Markup(picture(row["image"])) if picture else "",  # noqa: S704 - base64
            "label": names[row["label"]], "seen": names[row["top1"]], "p": 100 * row["p1"], "p_label": 100 * row["p_label"],
        }
        for row in wrong.iloc[order].to_dict("records")
    ]  # fmt: skip


def _provenance(run: Run) -> list[tuple[str, str]]:
    """What decides a run's figures, as (what, value)."""
    manifest = run.manifest
    model, data, runtime = manifest["model"], manifest["data"], manifest.get("runtime") or {}
    members = ", ".join(member["run"] for member in model.get("members", []))
    found = {
        "run": str(run.path),
        "network": f"{model['provider']}/{model['architecture']}" if model["architecture"] else "",
        "members": members,
        "weights": model["tag"] or model["weights"],
        "sha256 of the weights": model.get("weights_sha256", ""),
        "images": f"{data['images']:,} of {data['path']}",
        "sha256 of the list of images": data["fingerprint"],
        "labels": data["labels"],
        "blacklist": (manifest["blacklist"] or {}).get("source", "not known"),
        "left out": f"{len(run.skipped):,} images that could not be read" if run.skipped else "",
        "pooling": manifest["plan"]["pool"],
        "device and precision": f"{runtime['device_name']}, {runtime['precision']}" if runtime else "",
        "versions": ", ".join(
            f"{name} {value}" for name, value in (manifest["environments"] or [{}])[-1].items() if value
        ),
        "begun": manifest.get("started", ""),
    }
    return [(name, str(value)) for name, value in found.items() if value]
