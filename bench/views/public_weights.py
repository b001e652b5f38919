"""What others measured with public weights, as rows and as a table. Nothing here imports torch."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.zoo import NETWORKS, PROVIDERS
from bench.zoo.networks import unknown_name_error
from results.published import measured
from results.terminal_table import Column, Noted, TerminalTable

Row = dict[str, Any]

IMAGES = {
    "validation": "validation",
    "v2-mf": "ImageNetV2, matched frequency",
    "a": "ImageNet-A",
    "r": "ImageNet-R",
    "sketch": "ImageNet-Sketch",
    "objectnet": "ObjectNet",
}
"""What people call the sets of images."""

ERRORS = Column("top-1 / top-5 error", right=True)

SHORT = 12
"""Letters of a source's name that stay in a table whose notes are below."""


def weights_rows(model: str | None = None) -> list[Row]:
    """A row for each figure of the weights of `model`, a name as `--model` takes it; of all its weights where
    it names none.

    Without a model they are the figures of the papers' networks on the validation images, the first of each
    weights and crop, and then those of weights that no network here has. A row has `measured.COLUMNS`, and
    `source` and `as_of`: where it is from. Raises `UsageError` with the nearest names for a network or
    weights without figures.
    """
    if model is not None:
        rows = [row for name in _weights_of(model) for row in measured.figures_of(name)]
        return [row | _source(row) for row in rows]
    networks = NETWORKS.values()
    names = (f"{each.provider}/{each.architecture}.{tag}" for each in networks for tag in each.tags)
    rows = [row for name in names for row in measured.figures_of(name)]
    first: dict[tuple[str, ...], Row] = {}
    for row in (*rows, *measured.references()):
        if (row["data"], row["class_set"], row["truth"]) == measured.SETS["validation"]:
            key = (row["weights"], row["crops"], row["how"], row["image_set"])
            first.setdefault(key, row | _source(row))
    return list(first.values())


def _source(row: Row) -> Row:
    source = measured.source_of(row["measured_by"])
    return {"source": source["address"], "as_of": source["as_of"]}


def _weights_of(model: str) -> list[str]:
    """The weights with figures that a name stands for, in the order of the table or of the files."""
    name, _, tag = model.partition(".")
    known = measured.names()
    architectures = tuple(dict.fromkeys(each.partition(".")[0] for each in known))
    if name in NETWORKS:
        network = NETWORKS[name]
        architecture = f"{network.provider}/{network.architecture}"
        weights = [f"{architecture}.{each}" for each in network.tags]
    else:
        providers = [f"{provider}/{name}" for provider in PROVIDERS]
        architecture = next((each for each in (name, *providers) if each in architectures), "")
        weights = [each for each in known if each.partition(".")[0] == architecture]
    if not any(map(measured.figures_of, weights)):
        ours = [each.name for each in NETWORKS.values() if each.tags and each.classes == 1000]
        names = architectures if "/" in name else [each.partition("/")[2] for each in architectures]
        known_names = tuple(dict.fromkeys((*ours, *names)))
        raise unknown_name_error("network with published figures", model, known_names)
    if tag and f"{architecture}.{tag}" not in weights:
        raise unknown_name_error("weights with published figures", f"{architecture}.{tag}", weights)
    return [f"{architecture}.{tag}"] if tag else weights


def weights_table(rows: Sequence[Row], title: str = "") -> TerminalTable:
    """The rows of `weights_rows` that are of the same images."""
    columns = (Column("weights"), Column("crops"), ERRORS, Column("measured by"))
    table = TerminalTable(title, columns)
    for row in rows:
        table.add_row(row["weights"], row["crops"], _errors(row), _measured_by(row))
    return table


def weights_tables(rows: Sequence[Row]) -> list[TerminalTable]:
    """A table for each weights of `weights_rows`, with the images that the figures are of."""
    columns = (Column("images", wraps=True), Column("crops"), ERRORS, Column("measured by"))
    tables: dict[str, TerminalTable] = {}
    for row in rows:
        table = tables.setdefault(row["weights"], TerminalTable(row["weights"], columns))
        table.add_row(_images(row), row["crops"], _errors(row), _measured_by(row))
    return list(tables.values())


def _errors(row: Row) -> str:
    return f"{row['top1_error'] or '-'} / {row['top5_error'] or '-'}"


def _images(row: Row) -> str:
    """Which images a figure is of, among which classes, and by which labels."""
    classes = [f"among {row['class_set']}"] if row["class_set"] else []
    return ", ".join([IMAGES[row["data"]], *classes, *([f"by {row['truth']}"] if row["truth"] else [])])


def _measured_by(row: Row) -> Noted:
    """Who measured a figure, and how."""
    image_set = f"{row['image_set']} images" if row["image_set"] != "all" else ""
    notes = "; ".join(filter(None, (image_set, row["note"])))
    how = row["how"] + (f" ({notes})" if notes else "")
    whole = f"{row['measured_by']}, {how}"
    return (
        Noted(whole, row["measured_by"], how) if len(row["measured_by"]) <= SHORT else Noted(whole, "", whole)
    )


def source_lines(rows: Iterable[Row]) -> list[str]:
    """A line for each source of the rows: what it is, where, and as of when."""
    sources = map(measured.source_of, dict.fromkeys(row["measured_by"] for row in rows))
    return [f"{each['measured_by']}: {each['what']}, {each['address']}, {each['as_of']}" for each in sources]


def range_lines(rows: Sequence[Row]) -> list[str]:
    """A line for each weights, set of images and kind of crop of which sources have several top-1 errors.

    Single crops count together, however each source takes them.
    """
    errors: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if row["top1_error"] and row["crops"] != "other":
            images = ", ".join([_images(row), *([row["image_set"]] if row["image_set"] != "all" else [])])
            key = (row["weights"], images, row["crops"].replace("native", "1"))
            errors.setdefault(key, []).append(float(row["top1_error"]))
    return [
        f"{weights}, {images}, {crops} crop{'s' * (crops != '1')}: "
        f"top-1 {min(values):.2f} to {max(values):.2f} in {len(values)} figures"
        for (weights, images, crops), values in errors.items()
        if len(values) > 1
    ]
