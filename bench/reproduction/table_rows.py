"""The rows of a paper's table, and the networks with weights that stand for each."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.mini import NETWORKS as MINI_NETWORKS
from bench.reproduction.members import RESNET_151, RESNETS, Member, public_members, read_members
from bench.zoo.networks import unknown_name_error
from results import published


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    paper: Mapping[str, str]
    """The paper's columns, as `results.published` has them."""
    members: tuple[Member, ...]
    """What stands for the row. Several are an ensemble, or for `best` the trainings to choose from."""
    reason: str = ""
    """Why there are no members."""
    best: bool = False
    """Whether the row is of one network, and takes the best of the members (GoogLeNet, section 7)."""


def read_rows(
    table: str, weights: Sequence[str] = (), note: Callable[[str], None] = lambda _: None
) -> list[Row]:
    """The rows of a table, of a paper or of `mini`, with their members.

    `weights` are the user's, as `read_members` takes them. `note` takes what the user should know. Raises
    `UsageError` for an unknown table, and for weights that no row has a use for, and `WeightsError` for a
    file that fits no network.
    """
    papers = _mini_rows() if table == "mini" else published.table_rows(table)
    if detection := published.detection_tables(table):
        words = (
            f"{' and '.join(detection)}: detection needs ILSVRC's detection set, and GoogLeNet's six "
            "networks and their proposals, which are not public"
        )
        if not papers:
            raise UsageError(
                f"{words}; inception-bench detect and score-detections do it with yours, demo --detection "
                f"shows it in small, and papers {table} has the figures"
            )
        note(f"left out {words}")
    if not papers:
        raise unknown_name_error("table", table, (*published.tables(), *published.PAPERS, "mini"))
    wanted = {
        name
        for paper in papers
        if paper["image_set"] in published.IMAGE_SETS
        for name in published.networks_of(paper)
    }
    own = read_members(weights, wanted, table, note)
    return [_row(paper, own) for paper in papers]


def crops_for(member: Member, rows: Sequence[Row]) -> str:
    """The protocols that a member is run under, as `--crops` takes them.

    They are those of all rows, because the networks of an ensemble need the same. Only the ResNets have rows
    of their own, and these alone are dense, which takes long.
    """
    of_resnets = member.network in RESNETS
    crops = [
        row.paper["crops"] for row in rows if row.members and (row.paper["model"] == RESNET_151) == of_resnets
    ]
    return ",".join(dict.fromkeys(crops))


def all_members(rows: Sequence[Row]) -> list[Member]:
    """Each network with each weights, once."""
    return list(dict.fromkeys(member for row in rows for member in row.members))


def _row(paper: Mapping[str, str], own: Mapping[str, Sequence[Member]]) -> Row:
    names = published.networks_of(paper)
    if not names:
        return Row(paper, (), "no network here stands for it, or the paper does not say how many")
    if paper["image_set"] not in published.IMAGE_SETS:
        return Row(paper, (), f"on the {paper['image_set']} set, whose labels are not public")
    if len(names) == 1 and len(own.get(names[0], ())) > 1:
        return Row(paper, tuple(own[names[0]]), best=True)
    members: list[Member] = []
    for name, needed in Counter(names).items():
        # a name such as v2:rmsprop is a training of its own, for which there are no public weights
        trainings = [*own.get(name, ()), *public_members(name)]
        if len(trainings) < needed:
            return Row(paper, (), _shortage(name, needed, len(own.get(name, ())), len(trainings)))
        members += trainings[:needed]
    return Row(paper, tuple(members))


def _shortage(name: str, needed: int, own: int, found: int) -> str:
    """Why a row that needs so many trainings of a network has no members, and what to do."""
    if name == RESNET_151:
        what = f"{needed} trainings of ResNet-152" if needed > 1 else "a ResNet-152"
        return f"needs {what} of your choice: pass --weights {name}={RESNETS[1]}.TAG, or a file"
    what = f"{needed} trainings of {name}" if needed > 1 else f"weights of {name}"
    given = f"{own} of yours and " if own else ""
    return f"needs {what}, {given}{found - own or 'none'} public: pass --weights {name}=FILE"


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
