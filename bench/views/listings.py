"""What there is to choose from, as rows and as tables: networks, protocols, published figures, experiments.

Nothing here imports torch.

Functions named `..._rows` look up what `--json` prints; those named `..._table` lay it out for a terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bench.experiments.table import EXPERIMENTS
from bench.training.explanation import Explanation
from bench.zoo import NETWORKS, PROVIDERS, Network
from bench.zoo.networks import unknown_name_error
from crops import AXES, DEFINITIONS, IMAGE_SIZE, Plan, SingleView, parse
from results import published
from results.terminal_table import Cell, Column, Noted, TerminalTable

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

FIGURES = ("mean_average_precision", "top1_error", "top5_error", "giga_multiply_adds")
"""Those with figures."""


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


def model_table() -> TerminalTable:
    """The networks that stand for themselves, and how each differs from its paper."""
    columns = (
        Column("name"),
        Column("network", wraps=True),
        Column("how it differs from its paper", wraps=True),
    )
    return _table(
        columns,
        ((network.name, network.title, network.differences) for network in _own_networks()),
    )


def size_table() -> TerminalTable:
    """The same networks, beside the papers' costs and the errors published for their weights."""
    columns = (
        *(Column("name"), Column("input", right=True, spare=True), Column("parameters", right=True)),
        *(Column("multiply-adds", right=True), Column("in the paper", right=True, spare=True)),
        *(Column("weights"), Column("top-1 / top-5 error", right=True)),
    )
    return _table(columns, (cells for network in _own_networks() for cells in _size_cells(network)))


def variant_table() -> TerminalTable:
    """The variants for the papers' experiments, each with the network that it is compared with."""
    columns = (
        *(Column("name"), Column("variant of"), Column("what varies", wraps=True)),
        *(Column("parameters", right=True, spare=True), Column("multiply-adds", right=True)),
    )
    return _table(
        columns,
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
        title="variants for the papers' experiments, with weights of your own",
    )


def _own_networks() -> list[Network]:
    """The networks that stand for themselves: `variant_table` has the others."""
    return [network for network in NETWORKS.values() if not network.variant_of]


def _size_cells(network: Network) -> Iterator[tuple[str, ...]]:
    """A row for each of its weights, of which the first has its name and its costs."""
    assert network.multiply_adds
    paper = published.multiply_adds(network.paper or network.name)
    first = (
        network.name,
        str(network.input_size),
        f"{network.parameters:,}",
        _cost(network.multiply_adds, 3),
        f"{paper} G" if paper else "",
    )
    if not network.tags:
        yield *first, "your own", ""
    for number, tag in enumerate(network.tags):
        yield *(("",) * len(first) if number else first), tag, _published_errors(network, tag)


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


def protocol_table(rows: Sequence[Row], title: str = "") -> TerminalTable:
    """The rows of `protocol_rows`."""
    columns = (
        *(Column("protocol"), Column("views", right=True), Column("shorter sides")),
        Column("multiply-adds an image", right=True),
    )
    return _table(
        columns,
        (
            (
                row["name"],
                str(row["views"]),
                ", ".join(map(str, row["scales"])),
                _cost(row["multiply_adds"], 1),
            )
            for row in rows
        ),
        title=title,
    )


def definition_table(rows: Sequence[Row]) -> TerminalTable:
    """What the protocols of `protocol_rows` are, and whose definitions."""
    names = ("name", "definition", "source")
    columns = (Column("protocol"), Column("its views", wraps=True), Column("whose definition", wraps=True))
    return _table(columns, ([row[name] for name in names] for row in rows))


def axis_table() -> TerminalTable:
    """What scale, square, position and mirror of a view mean."""
    return _table((Column("of a view"), Column("meaning", wraps=True)), AXES.items())


def paper_rows() -> list[Row]:
    """A row for each published table: its name, its paper and its number of rows."""
    return [
        {"table": name, "paper": _paper(name), "rows": len(figure_rows(name))} for name in published.tables()
    ]


def paper_table(rows: Sequence[Row]) -> TerminalTable:
    """The rows of `paper_rows`."""
    names = ("table", "paper", "rows")
    columns = (Column("table"), Column("paper", wraps=True), Column("rows", right=True))
    return _table(columns, ([str(row[name]) for name in names] for row in rows))


def figure_rows(table: str) -> Sequence[dict[str, str]]:
    """The rows of a published table, or of a paper's tables. Raises `UsageError` with the nearest names.

    They have the columns of `papers.csv`, and those of detection the columns of `detection.csv`.
    """
    rows = (*published.table_rows(table), *published.detection_rows(table))
    if not rows:
        raise unknown_name_error("table", table, (*published.tables(), *published.PAPERS, "weights"))
    return rows


def figure_tables(rows: Sequence[dict[str, str]]) -> list[TerminalTable]:
    """A table for each published table that `rows`, from `figure_rows`, are of."""
    by_table: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_table.setdefault(f"{row['paper']}/{row['table']}", []).append(row)
    return [_figure_table(name, group) for name, group in by_table.items()]


def _figure_table(name: str, rows: Sequence[dict[str, str]]) -> TerminalTable:
    """Images that all rows are of are in the title."""
    image_sets = {row.get("image_set", "") for row in rows}
    images = f", {image_set} images" if len(image_sets) == 1 and (image_set := max(image_sets)) else ""
    columns = [
        Column(heading, right=name in FIGURES, wraps=name == "approach")
        for name, heading in FIGURE_HEADINGS.items()
        if name != "image_set" or not images
    ]
    names = {heading: name for name, heading in FIGURE_HEADINGS.items()}
    return _table(
        columns,
        ([_figure_cell(row.get(names[column.heading], ""), column) for column in columns] for row in rows),
        title=f"{name} - {_paper(name)}; in percent{images}",
    )


def _figure_cell(text: str, column: Column) -> Cell:
    return Noted(text, "", text) if text and column.heading == "note" else text


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


def experiment_table() -> TerminalTable:
    """The experiments with what their papers found."""
    columns = (
        *(Column("name"), Column("question", wraps=True), Column("the paper's finding", wraps=True)),
        Column("paper", wraps=True, spare=True),
    )
    return _table(
        columns,
        (
            (
                experiment.name,
                experiment.question,
                experiment.finding,
                f"{experiment.paper}, {experiment.place}",
            )
            for experiment in EXPERIMENTS.values()
        ),
        lines=True,
    )


def recipe_table(explanation: Explanation) -> TerminalTable:
    """The parts of a training recipe, and where their numbers are from."""
    rows = ((part.name, part.value, part.source) for part in explanation.parts)
    columns = (Column("part"), Column("value", wraps=True), Column("from", wraps=True))
    return _table(columns, rows, title=f"{explanation.recipe}: {explanation.paper}")


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


def _table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, title: str = "", lines: bool = False
) -> TerminalTable:
    table = TerminalTable(title, columns, lines=lines)
    for row in rows:
        table.add_row(*row)
    return table
