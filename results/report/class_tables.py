"""The table with a row for each class, in each format; it is of `results.class_rows.accuracy_by_class`."""

import pandas as pd

from results.report import csv, json, latex, markdown
from results.report.cells import SCORED_HEADINGS, error_cell, has_top5
from results.tables import without_unused
from results.text import printable

NOTE = "Errors in percent on all images of a class, with 95 % Wilson intervals."


def class_cells(table: pd.DataFrame) -> list[dict[str, str]]:
    """The cells of each row by heading, without those that `results.report.cells.cells` leaves out."""
    top5 = has_top5(table)
    used = without_unused(table)
    rows = []
    for row in table.to_dict("records"):
        columns = {"model": printable(row["model"]), "protocol": printable(row["protocol"])}
        for column, (heading, usual) in SCORED_HEADINGS.items():
            if column in used:
                columns[heading] = printable(row[column]) or usual
        columns |= {"class": printable(row["label"]), "name": printable(row["class_name"])}
        columns |= {
            "n": f"{row['n']:,}",
            "top-1 error": error_cell(row["top1_error"], row["top1_low"], row["top1_high"]),
        }
        if top5:
            columns["top-5 error"] = error_cell(row["top5_error"], row["top5_low"], row["top5_high"])
        rows.append(columns)
    return rows


def write_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, with its note."""
    return markdown.write_cells(class_cells(table), NOTE)


def write_latex(table: pd.DataFrame) -> str:
    """The table as LaTeX, after its note."""
    return latex.write_cells(class_cells(table), NOTE)


CLASS_FORMATS = {"csv": csv.write, "md": write_markdown, "tex": write_latex, "json": json.write_rows}
"""What writes the table, by the ending of the file."""
