"""Published figures: the papers' tables, and what others measured with public weights.

Errors and mean average precisions are in percent.
"""

from collections.abc import Mapping, Sequence

from results.published.measured import data_set, of_weights, spread
from results.published.rows import Figure, figure, rows_of
from results.published.verdict import Crop, Hits, Verdict, image_number, verdict

__all__ = [
    "IMAGE_SETS",
    "PAPERS",
    "Crop",
    "Figure",
    "Hits",
    "Verdict",
    "data_set",
    "detection_rows",
    "detection_tables",
    "image_number",
    "multiply_adds",
    "networks_of",
    "of_paper",
    "of_weights",
    "spread",
    "table_rows",
    "tables",
    "verdict",
]

PAPERS = {
    "googlenet": "Going deeper with convolutions (1409.4842)",
    "bn": "Batch Normalization (1502.03167)",
    "rethinking": "Rethinking the Inception Architecture for Computer Vision (1512.00567)",
    "inception-v4": "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning "
    "(1602.07261)",
}
"""The titles of the papers, with their numbers on arXiv."""

IMAGE_SETS = ("all", "non-blacklisted")
"""All 50,000 validation images, or the 48,238 that are not on the blacklist."""


def of_paper(models: Sequence[str], protocol: str, image_set: str) -> Figure | None:
    """The figure that a paper has for these networks together, under a protocol on an image set.

    `models` has one name, such as `v3`, or those of an ensemble. Of several figures it is the first with both
    errors: Rethinking's Table 2 has the top-1 error of a training that does less than that of its Table 3.

    >>> of_paper(["v3"], "144", "all")
    Figure(top1_error=18.9, top5_error=4.3, source='inception-v4 table4')
    """
    crops = protocol.partition("/")[0]
    found = [
        row
        for row in rows_of("papers.csv")
        if sorted(networks_of(row)) == sorted(models)
        and (row["crops"], row["image_set"]) == (crops, image_set)
    ]
    if not found:
        return None
    row = max(found, key=lambda row: bool(row["top1_error"] and row["top5_error"]))
    return figure(row, f"{row['paper']} {row['table']}")


def networks_of(row: Mapping[str, str]) -> list[str]:
    """The networks of a row of a paper, each as often as it is in the ensemble.

    Empty where the paper does not give their number.
    """
    names = row["model"].split("+") if row["model"] else []
    number = int(row["networks"] or 0)
    return names if len(names) == number else names * number


def tables() -> tuple[str, ...]:
    """The names of the papers' tables, `googlenet/table2` to `inception-v4/table5`; detection's as well."""
    papers = list(PAPERS)
    rows = sorted(
        (*rows_of("papers.csv"), *rows_of("detection.csv")), key=lambda row: papers.index(row["paper"])
    )
    return tuple(dict.fromkeys(f"{row['paper']}/{row['table']}" for row in rows))


def table_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table, or of all tables of a paper, with the columns of `papers.csv` as text.

    Empty where `name` is neither, or a table of detection.
    """
    return _rows_of(name, "papers.csv")


def detection_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table of detection, or of all of a paper, with the columns of `detection.csv` as text.

    A column that the table does not have is empty. `?` is what the paper does not know.
    """
    return _rows_of(name, "detection.csv")


def detection_tables(name: str) -> tuple[str, ...]:
    """The names of those tables of `detection_rows`."""
    return tuple(dict.fromkeys(f"{row['paper']}/{row['table']}" for row in detection_rows(name)))


def _rows_of(name: str, file: str) -> tuple[dict[str, str], ...]:
    return tuple(row for row in rows_of(file) if name in (row["paper"], f"{row['paper']}/{row['table']}"))


def multiply_adds(model: str) -> str:
    """Billions of multiply-adds that the papers give for a network; empty where they give none.

    >>> multiply_adds("v1")
    '1.5'
    """
    for row in rows_of("papers.csv"):
        if row["model"] == model and row["giga_multiply_adds"]:
            return row["giga_multiply_adds"]
    return ""
