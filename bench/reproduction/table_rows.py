"""The rows of a paper's table, and the networks with weights that stand for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.zoo import NETWORKS
from bench.zoo.networks import unknown_name_error
from bench.zoo.weights import sha256
from results import published


@dataclass(frozen=True)
class Member:
    """A network with weights."""

    network: str
    """Its name, as `--model` takes it."""
    weights: str
    """A tag or a file."""


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    paper: Mapping[str, str]
    """The paper's columns, as `results.published` has them."""
    members: tuple[Member, ...]
    """What stands for the row; several for an ensemble."""
    reason: str = ""
    """Why there are no members."""


def read_rows(table: str, weights: Sequence[str] = ()) -> list[Row]:
    """The rows of a table, of a paper or of `mini`, with their members; `weights` are files, NAME=FILE.

    Raises `UsageError` for an unknown table, and for weights that no row has a use for.
    """
    files = _parse_weights(weights)
    papers = _mini_rows() if table == "mini" else published.table_rows(table)
    if not papers:
        raise unknown_name_error("table", table, (*published.tables(), *published.PAPERS, "mini"))
    rows = [_row(paper, files) for paper in papers]
    for name, own in files.items():
        _check_used(name, own, papers, table)
    return rows


def all_crops(rows: Sequence[Row]) -> str:
    """The protocols that the rows need, as `--crops` takes them."""
    return ",".join(dict.fromkeys(row.paper["crops"] for row in rows if row.members))


def all_members(rows: Sequence[Row]) -> list[Member]:
    """Each network with each weights, once."""
    return list(dict.fromkeys(member for row in rows for member in row.members))


def _parse_weights(weights: Sequence[str]) -> dict[str, list[str]]:
    """The files for each network's name. Raises `UsageError`, also for the same file twice."""
    files: dict[str, list[str]] = {}
    seen: dict[tuple[str, str], str] = {}
    for word in weights:
        name, _, file = word.partition("=")
        path = Path(file).expanduser()
        if not file:
            raise UsageError(f"--weights {word}: write NAME=FILE, such as v3=v3.safetensors")
        if not path.is_file():
            raise UsageError(f"no weights at {path}: there is no such file")
        key = name, sha256(path)
        if key in seen:
            raise UsageError(f"--weights {word}: the same weights as {seen[key]}, and a training counts once")
        seen[key] = word
        files.setdefault(name, []).append(file)
    return files


def _check_used(name: str, files: Sequence[str], papers: Sequence[Mapping[str, str]], table: str) -> None:
    """Raise `UsageError` where no row needs that network, or none needs so many trainings of it."""
    most = max((published.networks_of(paper).count(name) for paper in papers), default=0)
    if not most:
        known = sorted({known for paper in papers for known in published.networks_of(paper)})
        raise UsageError(f"--weights {name}=...: {table} has {', '.join(known)}")
    if len(files) > most:
        raise UsageError(
            f"--weights {name}=... {len(files)} times: no row of {table} has more than {most} of it"
        )


def _row(paper: Mapping[str, str], files: Mapping[str, Sequence[str]]) -> Row:
    names = published.networks_of(paper)
    if not names:
        return Row(paper, (), "not a network of these papers, or the paper does not say how many")
    if paper["image_set"] not in published.IMAGE_SETS:
        return Row(paper, (), f"on the {paper['image_set']} set, whose labels are not public")
    members: list[Member] = []
    for name in dict.fromkeys(names):
        needed = names.count(name)
        # a name such as v2:rmsprop is a training of its own, for which there are no public weights
        public = NETWORKS[name].tags if name in NETWORKS else ()
        weights = [*files.get(name, ()), *public]
        if len(weights) < needed:
            what = f"{needed} trainings of {name}" if needed > 1 else f"weights of {name}"
            count = len(weights) or "none"
            return Row(paper, (), f"needs {what}, {count} public: pass --weights {name}=FILE")
        network = name.partition(":")[0]
        members += [Member(network, each) for each in weights[:needed]]
    return Row(paper, tuple(members))


def _mini_rows() -> tuple[dict[str, str], ...]:
    """Tables 2 to 5 of the Inception-v4 paper with the mini networks, for which no figures are published."""
    tables = [("table2", "1", "non-blacklisted"), ("table3", "12", "all"), ("table4", "144", "all")]
    rows = [_mini_row(*table, name, "1") for table in tables for name in MINI_NETWORKS]
    ensemble = _mini_row("table5", "144", "all", "+".join(MINI_NETWORKS), str(len(MINI_NETWORKS)))
    return (*rows, ensemble)


def _mini_row(table: str, crops: str, image_set: str, name: str, networks: str) -> dict[str, str]:
    return {
        "paper": "mini",
        "table": table,
        "network": name,
        "model": name,
        "networks": networks,
        "crops": crops,
        "image_set": image_set,
        "top1_error": "",
        "top5_error": "",
        "giga_multiply_adds": "",
        "note": "",
    }
