"""A paper's table, row by row: what can be run with which weights, run once for each, and set beside the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.data import Images
from bench.distributed import is_first, ranks
from bench.errors import UsageError, WeightsError
from bench.evaluation.evaluate import run_evaluations
from bench.evaluation.prepare import agree, set_up
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.options import Options
from bench.planning.throughput import measure
from bench.progress import Reporter
from bench.zoo import NETWORKS, find
from bench.zoo.loading import fetch, untrained
from bench.zoo.networks import unknown
from bench.zoo.weights import sha256
from crops import Plan, parse
from results import published
from results.ensemble import ensemble
from results.gap import explain
from results.published import Figure
from results.run import Run
from results.tables import accuracy, weights_of

RECORD = (
    *(
        "n",
        "top1_hits",
        "top5_hits",
        "top1_error",
        "top5_error",
        "top1_low",
        "top1_high",
        "top5_low",
        "top5_high",
    ),
    *("weights_top1", "weights_top5", "difference_top1", "difference_top5", "run"),
)
"""What a row's record has once it was run."""

Member = tuple[str, str]
"""A network and its weights: a tag or a file."""


@dataclass(frozen=True)
class Row:
    """A row of a table: the paper's columns, the members that stand for it, and why there are none."""

    paper: Mapping[str, str]
    members: tuple[Member, ...]
    why: str = ""


def rows_of(table: str, given: Sequence[str] = ()) -> list[Row]:
    """The rows of a table, a paper or `mini`, each with its members; `given` are weights, NAME=FILE. Raises `UsageError`."""
    files = _files(given)
    papers = _mini() if table == "mini" else published.rows_of(table)
    if not papers:
        raise unknown("table", table, (*published.tables(), *published.PAPERS, "mini"))
    rows = [_row(paper, files) for paper in papers]
    for name, own in files.items():
        most = max((published.networks_of(paper).count(name) for paper in papers), default=0)
        if not most:
            known = sorted({name for paper in papers for name in published.networks_of(paper)})
            raise UsageError(f"--weights {name}=...: {table} has {', '.join(known)}")
        if len(own) > most:
            raise UsageError(
                f"--weights {name}=... {len(own)} times: no row of {table} has more than {most} of it"
            )
    return rows


def _files(given: Sequence[str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    for word in given:
        name, _, file = word.partition("=")
        path = Path(file).expanduser()
        if not file:
            raise UsageError(f"--weights {word}: write NAME=FILE, such as v3=v3.safetensors")
        if not path.is_file():
            raise UsageError(f"--weights {word}: there is no such file")
        if other := seen.get(key := f"{name} {sha256(path)}"):
            raise UsageError(f"--weights {word}: the same weights as {other}, and a training counts once")
        seen[key] = word
        files.setdefault(name, []).append(file)
    return files


def _row(paper: Mapping[str, str], files: Mapping[str, Sequence[str]]) -> Row:
    names = published.networks_of(paper)
    if not names:
        return Row(paper, (), "not a network of these papers, or not said how many")
    if paper["image_set"] not in published.IMAGE_SETS:
        return Row(paper, (), f"on the {paper['image_set']} set, whose labels are not public")
    members: list[Member] = []
    for name in dict.fromkeys(names):
        network = NETWORKS.get(
            name
        )  # a name such as v2:rmsprop is a training of its own, for which there are no public weights
        weights = [*files.get(name, ()), *(network.tags if network else ())]
        if len(weights) < names.count(name):
            needed = (
                f"{names.count(name)} trainings of {name}" if names.count(name) > 1 else f"weights of {name}"
            )
            return Row(
                paper, (), f"needs {needed}, {len(weights) or 'none'} public: pass --weights {name}=FILE"
            )
        members += [(name.partition(":")[0], each) for each in weights[: names.count(name)]]
    return Row(paper, tuple(members))


def _mini() -> tuple[dict[str, str], ...]:
    """Tables 2 to 5 of the Inception-v4 paper with the mini networks: no figures are published for them."""
    wanted = [("table2", "1", "non-blacklisted"), ("table3", "12", "all"), ("table4", "144", "all")]
    single = [
        (table, name, crops, image_set, "1") for table, crops, image_set in wanted for name in MINI_NETWORKS
    ]
    every = [*single, ("table5", "+".join(MINI_NETWORKS), "144", "all", str(len(MINI_NETWORKS)))]
    blank = {"top1_error": "", "top5_error": "", "giga_multiply_adds": "", "note": ""}
    return tuple(
        {
            "paper": "mini",
            "table": table,
            "network": name,
            "model": name,
            "networks": networks,
            "crops": crops,
            "image_set": image_set,
        }
        | blank
        for table, name, crops, image_set, networks in every
    )


def crops_of(rows: Sequence[Row]) -> str:
    """All protocols that the rows need, in one pass."""
    return ",".join(dict.fromkeys(row.paper["crops"] for row in rows if row.members))


def members_of(rows: Sequence[Row]) -> list[Member]:
    """Each network with each weights, once."""
    return list(dict.fromkeys(member for row in rows for member in row.members))


def reproduce(
    rows: Sequence[Row], options: Options, reporter: Reporter
) -> tuple[list[Run], list[dict[str, Any]]]:
    """Run what has weights, and say how each row came out: the runs, and a record for each row.

    A record has the paper's columns as `published_top1` and so on, the measured ones as in a table of results (None where
    nothing was run), `difference_top1` and `_top5`, `verdict`, and `run`. Weights that cannot be fetched leave their rows
    empty; weights from a file must fit. Of torchrun's ranks only the first has records.
    """
    members = members_of(rows)
    missing: dict[Member, str] = {
        members[number]: why for number, why in ranks().from_first(lambda: _cannot_be_had(members, reporter))
    }
    here = [member for member in members if member not in missing]
    asked = [replace(options, model=name, weights=weights, crops=crops_of(rows)) for name, weights in here]
    runs = dict(zip(here, run_evaluations(asked, reporter) if asked else [], strict=True))
    made = list(runs.values())
    if not is_first():
        return made, []
    tables: dict[Path, list[dict[Any, Any]]] = {}
    records = []
    for row in rows:
        why = row.why or next((missing[member] for member in row.members if member in missing), "")
        run = None
        if not why:
            found = [runs[member] for member in row.members]
            run = found[0] if len(found) == 1 else ensemble(found, options.out, fresh=options.fresh)
            made += [] if run in made else [run]
            if run.path not in tables:
                tables[run.path] = accuracy([run]).to_dict("records")
        records.append(_record(row, run, tables[run.path] if run else [], why))
    return made, records


def _cannot_be_had(members: Sequence[Member], reporter: Reporter) -> list[tuple[int, str]]:
    """The number of each member whose weights cannot be fetched, and why."""
    missing = []
    for number, (name, weights) in enumerate(members):
        try:
            fetch(name, weights)
        except (WeightsError, UsageError) as error:  # no network, or its library is not installed
            missing.append((number, str(error)))
            reporter.note(f"left out: {error}")
    return missing


def check_classes(rows: Sequence[Row], images: Images, options: Options) -> None:
    """Raise `UsageError` where a network that would run tells other classes apart than the images have."""
    for name, _ in members_of(rows):
        agree(find(name).classes, images, replace(options, model=name))


def _record(row: Row, run: Run | None, table: Sequence[Mapping[Any, Any]], why: str) -> dict[str, Any]:
    paper = row.paper
    top1, top5 = (float(paper[f"top{k}_error"]) if paper[f"top{k}_error"] else None for k in (1, 5))
    record: dict[str, Any] = {
        "table": f"{paper['paper']}/{paper['table']}", "network": paper["network"], "model": paper["model"],
        "networks": paper["networks"], "protocol": paper["crops"], "image_set": paper["image_set"],
        "published_top1": top1, "published_top5": top5, "note": paper["note"], "verdict": why,
    } | dict.fromkeys(RECORD)  # fmt: skip
    if run is None:
        return record
    record["run"] = str(run.path)
    measured = next(
        (
            line
            for line in table
            if (line["protocol"], line["image_set"]) == (paper["crops"], paper["image_set"])
        ),
        None,
    )
    if measured is None:
        return record | {"verdict": "the blacklist is not known: pass --blacklist"}
    record |= {key: _plain(measured[key]) for key in RECORD if key in measured}
    if top1 is None and top5 is None:
        return record | {"verdict": "no published figure"}
    gap = explain(
        Figure(top1, top5, ""),
        dict(measured) | {"paper_name": paper["model"]},
        weights_of(run.manifest["model"]),
    )
    return record | {"difference_top1": gap.top1, "difference_top5": gap.top5, "verdict": gap.words}


def _plain(value: Any) -> Any:
    """A cell of a table as JSON has it: None where there is nothing."""
    return None if pd.isna(value) else value


def estimate(rows: Sequence[Row], options: Options, images: Images) -> list[dict[str, Any]]:
    """What would run: for each network and weights the crops of all images, their multiply-adds, and seconds on this machine.

    Seconds are those of the slowest stage alone, measured with random weights.
    """
    crops = crops_of(rows)
    listed: list[dict[str, Any]] = []
    rates: dict[str, float] = {}
    for name, weights in members_of(rows):
        network = find(name)
        assert network.input_size
        assert network.multiply_adds
        if name not in rates:
            setup = set_up(replace(options, model=name, crops=crops), untrained(name))
            rates[name] = measure(setup, images, rounds=1, seconds=1.0, whole=False).limit
        total = len(Plan(parse(crops, network.input_size), network.input_size).views) * len(images)
        listed.append({
            "network": name, "weights": weights, "crops": crops, "images": len(images), "crops_in_all": total,
            "multiply_adds": total * network.multiply_adds, "seconds": round(total / rates[name], 1),
        })  # fmt: skip
    return listed
