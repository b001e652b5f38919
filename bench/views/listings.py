"""What there is to choose from, as rows and as tables: networks, protocols, published figures, experiments.

Nothing here imports torch.

Functions named `..._rows` look up what `--json` prints; those named `..._table` lay it out for a terminal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table

from bench.experiments.table import EXPERIMENTS
from bench.training.explanation import Explanation
from bench.zoo import NETWORKS, PROVIDERS, Network
from bench.zoo.networks import unknown_name_error
from crops import AXES, DEFINITIONS, IMAGE_SIZE, Plan, SingleView, parse
from results import published

Row = dict[str, Any]


FIGURE_HEADINGS = {
    "network": "network",
    "team": "team",
    "year": "year",
    "place": "place",
    "mean_average_precision": "mean average precision",
    "external_data": "external data",
    "networks": "networks",
    "approach": "approach",
    "contextual_model": "contextual model",
    "bounding_box_regression": "bounding box regression",
    "crops": "crops",
    "image_set": "images",
    "top1_error": "top-1 error",
    "top5_error": "top-5 error",
    "giga_multiply_adds": "multiply-adds in G",
    "note": "note",
}
"""The columns of published tables that people see, and what they are called."""


def model_rows() -> list[Row]:
    """A row for each network of the table.

    Name, parameters, multiply-adds, input size in pixels, weights, how it differs from its paper, and the
    network that it is a variant of for an experiment.
    """
    return [
        {
            "name": network.name,
            "parameters": network.parameters,
            "multiply_adds": network.multiply_adds,
            "input_size": network.input_size,
            "weights": list(network.tags),
            "differences": network.differences,
            "variant_of": network.variant_of,
        }
        for network in NETWORKS.values()
    ]


def model_table() -> Table:
    """The networks that stand for themselves, and how each differs from its paper."""
    return _table(
        ("name", "network", "how it differs from its paper"),
        ((network.name, network.title, network.differences) for network in _own_networks()),
    )


def size_table() -> Table:
    """The same networks, beside the papers' costs and the errors published for their weights."""
    return _table(
        ("name", "input", "parameters", "multiply-adds", "printed", "weights", "top-1 / top-5 error"),
        map(_size_cells, _own_networks()),
    )


def variant_table() -> Table:
    """The variants for the papers' experiments, each with the network that it is compared with."""
    return _table(
        ("name", "variant of", "what varies", "parameters", "multiply-adds"),
        (
            (
                network.name,
                network.variant_of,
                network.title,
                f"{network.parameters:,}",
                _cost(network.multiply_adds, 3),
            )
            for network in NETWORKS.values()
            if network.variant_of and network.multiply_adds
        ),
    )


def _own_networks() -> list[Network]:
    """The networks that stand for themselves: `variant_table` has the others."""
    return [network for network in NETWORKS.values() if not network.variant_of]


def _size_cells(network: Network) -> tuple[str, ...]:
    assert network.multiply_adds
    paper = published.multiply_adds(network.paper or network.name)
    return (
        network.name,
        str(network.input_size),
        f"{network.parameters:,}",
        _cost(network.multiply_adds, 3),
        f"{paper} G" if paper else "",
        "\n".join(network.tags) or "your own",
        "\n".join(_published_errors(network, tag) for tag in network.tags),
    )


def _published_errors(network: Network, tag: str) -> str:
    figures = published.of_weights(f"{network.provider}/{network.architecture}.{tag}", "1", "all")
    return f"{figures[0].top1_error} / {figures[0].top5_error}" if figures else "-"


def protocol_rows(network: Network) -> list[Row]:
    """A row for each protocol, for the input size of a network of the table; `native` where its weights are
    a library's.

    Name, number of views, shorter sides in pixels, whether it is dense, multiply-adds for an image of
    `IMAGE_SIZE`, what the views are, and whose definition that is.
    """
    assert network.input_size
    assert network.multiply_adds
    text, native = "144,dense", None
    if network.provider in PROVIDERS:  # which would take seconds to import; the costs are those of any crop
        text, native = f"native,{text}", SingleView(network.provider, network.input_size, "bicubic")
    return [
        {
            "name": protocol.name,
            "views": protocol.crops,
            "scales": protocol.scales,
            "dense": protocol.dense,
            "multiply_adds": round(
                Plan((protocol,), network.input_size).cost(*IMAGE_SIZE) * network.multiply_adds
            ),
            "definition": DEFINITIONS[protocol.name].views,
            "source": DEFINITIONS[protocol.name].source,
        }
        for protocol in parse(text, network.input_size, native=native)
    ]


def protocol_table(rows: Sequence[Row]) -> Table:
    """The rows of `protocol_rows`."""
    return _table(
        ("protocol", "views", "shorter sides", "multiply-adds an image"),
        (
            (
                row["name"],
                str(row["views"]),
                ", ".join(map(str, row["scales"])),
                _cost(row["multiply_adds"], 1),
            )
            for row in rows
        ),
    )


def definition_table(rows: Sequence[Row]) -> Table:
    """What the protocols of `protocol_rows` are, and whose definitions."""
    names = ("name", "definition", "source")
    return _table(
        ("protocol", "its views", "whose definition"), ([row[name] for name in names] for row in rows)
    )


def axis_table() -> Table:
    """What scale, square, position and mirror of a view mean."""
    return _table(("of a view", "meaning"), AXES.items())


def paper_rows() -> list[Row]:
    """A row for each published table: its name, its paper and its number of rows."""
    return [
        {"table": name, "paper": _paper(name), "rows": len(figure_rows(name))} for name in published.tables()
    ]


def paper_table(rows: Sequence[Row]) -> Table:
    """The rows of `paper_rows`."""
    names = ("table", "paper", "rows")
    return _table(names, ([str(row[name]) for name in names] for row in rows))


def figure_rows(table: str) -> Sequence[dict[str, str]]:
    """The rows of a published table, or of a paper's tables. Raises `UsageError` with the nearest names.

    They have the columns of `papers.csv`, and those of detection the columns of `detection.csv`.
    """
    rows = (*published.table_rows(table), *published.detection_rows(table))
    if not rows:
        raise unknown_name_error("table", table, (*published.tables(), *published.PAPERS, "weights"))
    return rows


def figure_tables(rows: Sequence[dict[str, str]]) -> list[tuple[str, Table]]:
    """(title, table) for each published table that `rows`, from `figure_rows`, are of."""
    by_table: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_table.setdefault(f"{row['paper']}/{row['table']}", []).append(row)
    return [
        (f"{name} - {_paper(name)}; in percent", _figure_table(group)) for name, group in by_table.items()
    ]


def _figure_table(rows: Sequence[dict[str, str]]) -> Table:
    """A table with those of `FIGURE_HEADINGS` for which a row has something."""
    columns = [name for name in FIGURE_HEADINGS if any(row.get(name) for row in rows)]
    return _table(
        [FIGURE_HEADINGS[name] for name in columns], ([row[name] for name in columns] for row in rows)
    )


def experiment_rows() -> list[Row]:
    """A row for each experiment: its name, source, question, the paper's finding, and its variants."""
    return [
        {
            "name": experiment.name,
            "source": experiment.source,
            "question": experiment.question,
            "finding": experiment.finding,
            "variants": [asdict(variant) for variant in experiment.variants],
        }
        for experiment in EXPERIMENTS.values()
    ]


def experiment_table() -> Table:
    """The experiments with what their papers found."""
    table = _table(
        ("name", "paper", "question", "the paper's finding"),
        (
            (
                experiment.name,
                f"{experiment.paper}, {experiment.place}",
                experiment.question,
                experiment.finding,
            )
            for experiment in EXPERIMENTS.values()
        ),
    )
    table.show_lines = True
    return table


def recipe_table(explanation: Explanation) -> Table:
    """The parts of a training recipe, and where their numbers are from."""
    rows = ((part.name, part.value, part.source) for part in explanation.parts)
    return _table(("part", "value", "from"), rows)


def _paper(table: str) -> str:
    """The title of the paper of a table such as `inception-v4/table4`."""
    return published.PAPERS[table.partition("/")[0]]


def _cost(multiply_adds: int, decimals: int) -> str:
    """Multiply-adds in billions; in millions where they are less than one billion.

    >>> _cost(5_713_216_096, 3), _cost(4_416_198, 3)
    ('5.713 G', '4.4 M')
    """
    if multiply_adds < 1e9:
        return f"{multiply_adds / 1e6:,.1f} M"
    return f"{multiply_adds / 1e9:,.{decimals}f} G"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(Column(heading[0], no_wrap=True), *heading[1:])  # a name that is cut cannot be copied
    for row in rows:
        table.add_row(*row)
    return table
