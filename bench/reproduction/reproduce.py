"""A paper's table, row by row: each network is run once, and its rows are set beside the paper's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.data import Images
from bench.distributed import ranks
from bench.errors import UsageError, WeightsError
from bench.evaluation.evaluate import run_evaluations
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.precision import assume_half
from bench.evaluation.prepare import check_classes, prepare_loaded
from bench.options import Options
from bench.planning.throughput import Throughput, measure
from bench.progress import Reporter, Silent
from bench.reproduction.members import Member
from bench.reproduction.table_rows import Row, all_members, crops_for
from bench.zoo import find
from bench.zoo.choose_weights import fetch
from bench.zoo.loading import untrained
from crops import IMAGE_SIZE
from results.ensemble import ensemble
from results.gap import explain
from results.names import names_with_weights
from results.published import Figure
from results.run import Run
from results.tables import accuracy, weights_of

MEASURED = (
    *("n", "top1_hits", "top5_hits", "top1_error", "top5_error"),
    *("top1_low", "top1_high", "top5_low", "top5_high", "weights_top1", "weights_top5"),
)
"""What a record takes over from the table of results, None where nothing was run."""


@dataclass(frozen=True)
class Reproduction:
    """The runs of a table's networks."""

    runs: dict[Member, Run]
    missing: dict[Member, str]
    """Why a network's weights could not be fetched."""


def member_options(member: Member, rows: Sequence[Row], options: Options) -> Options:
    """The options that a member of the rows is evaluated with."""
    return replace(options, model=member.network, weights=member.weights, crops=crops_for(member, rows))


def check_rows(rows: Sequence[Row], images: Images, options: Options) -> None:
    """Raise `UsageError` where a network that would run predicts other classes than the images have, or where
    `--scales` would be for inputs of several sizes in one ensemble.
    """
    for member in all_members(rows):
        check_classes(find(member.network).classes, images, replace(options, model=member.network))
    for row in rows:
        sizes = {find(member.network).input_size for member in row.members}
        if options.scales and len(sizes) > 1 and not row.best:
            raise UsageError(
                f"--scales {options.scales}: the networks of {row.paper['network']} have inputs of "
                f"{' and '.join(map(str, sorted(filter(None, sizes))))} pixels, so leave --scales out"
            )


def run_rows(rows: Sequence[Row], options: Options, reporter: Reporter) -> Reproduction:
    """Evaluate each network whose weights can be fetched, under all protocols of the rows. Raises as
    `evaluate`.

    Under torchrun every rank calls this.
    """
    members = all_members(rows)
    missing = ranks().broadcast_from_first(lambda: _fetch_all(members, reporter))
    found = [member for member in members if member not in missing]
    several = [member_options(member, rows, options) for member in found]
    runs = run_evaluations(several, reporter) if several else []
    return Reproduction(dict(zip(found, runs, strict=True)), missing)


def _fetch_all(members: Sequence[Member], reporter: Reporter) -> dict[Member, str]:
    """Fetch the weights of all members: why, for each that could not be fetched."""
    missing = {}
    for number, member in enumerate(members, 1):
        try:
            with reporter.part(number, len(members)):
                fetch(member.network, member.weights)
        except (WeightsError, UsageError) as error:  # no connection, or its library is not installed
            missing[member] = str(error)
            reporter.note(f"left out: {error}")
    return missing


def compare_with_paper(
    rows: Sequence[Row], reproduction: Reproduction, options: Options
) -> tuple[list[Run], list[dict[str, Any]]]:
    """Pool the ensembles, and set every row beside the paper: all runs, and a record for each row.

    A record has the paper's columns as `published_top1` and so on, those of `MEASURED`, `difference_top1` and
    `difference_top5` in points, `verdict`, and `run`. `members` are the networks with their weights, and
    `best_of` is the number of trainings that a single network was chosen from by its top-1 error.
    """
    runs = list(reproduction.runs.values())
    tables: dict[Path, list[dict[Any, Any]]] = {}
    records = []
    for row in rows:
        reason = row.reason or _missing_weights(row, reproduction)
        if reason:
            records.append(_record(row) | {"verdict": reason})
            continue
        candidates = _candidates(row, reproduction, options)
        for run in candidates:
            if run.path not in tables:
                tables[run.path] = accuracy([run]).to_dict("records")
        run = min(candidates, key=lambda run: _line(row, run, tables[run.path]).get("top1_error", 0.0))
        if all(run.path != other.path for other in runs):
            runs.append(run)
        chosen = {"members": names_with_weights(run), "best_of": len(candidates)}
        records.append(_record(row) | chosen | _measured(row, run, tables[run.path], options))
    return runs, records


def _missing_weights(row: Row, reproduction: Reproduction) -> str:
    """Why the weights of one of the row's members could not be fetched; empty where all could."""
    reasons = (reproduction.missing.get(member, "") for member in row.members)
    return next(filter(None, reasons), "")


def _candidates(row: Row, reproduction: Reproduction, options: Options) -> list[Run]:
    """The run of a row, or the runs to choose the best from."""
    runs = [reproduction.runs[member] for member in row.members]
    return runs if row.best or len(runs) == 1 else [ensemble(runs, options.out, fresh=options.fresh)]


def _record(row: Row) -> dict[str, Any]:
    """The paper's columns, and None for all that is measured."""
    paper = row.paper
    return {
        "table": f"{paper['paper']}/{paper['table']}",
        "network": paper["network"],
        "model": paper["model"],
        "networks": paper["networks"],
        "protocol": paper["crops"],
        "image_set": paper["image_set"],
        "published_top1": _number(paper["top1_error"]),
        "published_top5": _number(paper["top5_error"]),
        "note": paper["note"],
        "verdict": "",
        "members": [],
    } | dict.fromkeys((*MEASURED, "difference_top1", "difference_top5", "run", "best_of"))


def _line(row: Row, run: Run, table: Sequence[Mapping[Any, Any]]) -> Mapping[Any, Any]:
    """The line of a run's table of results that is for this row; empty where the blacklist is not known."""
    paper = row.paper
    on_no_list = run.manifest.blacklist and run.excluded is None  # `all` has the same images
    wanted = paper["crops"], "all" if on_no_list else paper["image_set"]
    return next((line for line in table if (line["protocol"], line["image_set"]) == wanted), {})


def _measured(row: Row, run: Run, table: Sequence[Mapping[Any, Any]], options: Options) -> dict[str, Any]:
    """What was measured for a row, and the verdict."""
    paper, measured = row.paper, _line(row, run, table)
    if not measured:
        return {"run": str(run.path), "verdict": "the blacklist is not known: pass --blacklist"}
    record = {name: _plain(measured[name]) for name in MEASURED} | {"run": str(run.path)}
    figure = Figure(_number(paper["top1_error"]), _number(paper["top5_error"]), "")
    if figure.top1_error is None and figure.top5_error is None:
        return record | {"verdict": f"no published figure{_own_settings(options)}"}
    gap = explain(figure, dict(measured) | {"paper_name": paper["model"]}, weights_of(run.manifest.model))
    verdict = f"{gap.words}{_own_settings(options)}"
    return record | {"difference_top1": gap.top1, "difference_top5": gap.top5, "verdict": verdict}


def _own_settings(options: Options) -> str:
    """What a verdict says of settings that the user chose; empty where they stand for the paper's.

    >>> _own_settings(Options(pool="max"))
    '; with settings of your own: --pool max'
    """
    changed = options.changed()
    words = [f"--{name} {changed[name]}" for name in ("pool", "scales", "interpolation") if name in changed]
    return f"; with settings of your own: {' '.join(words)}" if words else ""


def _number(text: str) -> float | None:
    return float(text) if text else None


def _plain(value: Any) -> Any:
    """A cell of a table for JSON: None where there is nothing."""
    return None if pd.isna(value) else value


def estimate(rows: Sequence[Row], options: Options, images: Images) -> list[dict[str, Any]]:
    """What would run: for each network and weights the crops of all images, their multiply-adds, and
    seconds here.

    Crops with the same pixels count once, as in an evaluation; how many an image has is that of the first
    images. A dense view costs in proportion to its area. Seconds are those of the slowest stage alone,
    measured with random weights. A network that sees the crops of one above it shares their decoding and
    rendering, and takes the time of its forward pass.
    """
    members = all_members(rows)
    crops = {member.network: crops_for(member, rows) for member in members}
    measured = {name: _measure(name, needed, options, images) for name, needed in crops.items()}
    rendered: set[object] = set()
    listed: list[dict[str, Any]] = []
    for member in members:
        speed = measured[member.network]
        multiply_adds = speed.evaluation.network.network.multiply_adds
        assert multiply_adds
        sees, area = speed.evaluation.sees, _area_of_crops(speed.evaluation)
        rate = speed.stages["forward"] if sees in rendered else speed.limit
        rendered.add(sees)
        total = round(speed.crops * len(images))
        listed.append(
            {
                "network": member.network,
                "weights": member.weights,
                "crops": crops[member.network],
                "images": len(images),
                "crops_in_all": total,
                "multiply_adds": round(total * area * multiply_adds),
                "seconds": round(total * area / rate, 1),
            }
        )
    return listed


def _area_of_crops(evaluation: Evaluation) -> float:
    """The area of a crop, on average over those of a usual image, in inputs of the network.

    Only dense views are larger than the input.
    """
    plan = evaluation.plan
    patches, _ = plan.patches(*IMAGE_SIZE)
    return plan.cost(*IMAGE_SIZE) / len(patches)


def _measure(name: str, crops: str, options: Options, images: Images) -> Throughput:
    options = replace(options, model=name, crops=crops)
    evaluation = prepare_loaded(options, images, None, untrained(name), Silent(), assume_half)
    return measure(evaluation, rounds=1, seconds=1.0, whole=False)
