"""Runs beside other runs, for a terminal: a comparison of two, the gate's verdicts, an ensemble's growth."""

from collections.abc import Sequence

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from results.baseline import Change, Verdict
from results.comparison import Comparison
from results.gate import PUBLISHED
from results.names import distinct_names
from results.report.cells import error_pair, has_top5, verdict_count
from results.run import Run
from results.scoring import AS_STORED, Scoring, scored_in_words
from results.terminal_table import Column, Noted, TerminalTable, name_cell, whole_line
from results.text import crops_in_words

CLASSES = 10
"""How many of the classes that changed most are listed."""

MARKS = {True: "pass", False: "FAIL", None: "not compared"}
"""The verdict on a row of the gate."""

STYLES = {True: "green", False: "bold red", None: ""}


def comparison_tables(
    found: Comparison, a: Run, b: Run, protocol: str, image_set: str, scoring: Scoring = AS_STORED
) -> list[RenderableType]:
    """The top-1 errors and flips of two runs under a protocol, and the classes that changed most."""
    scored = scoring.of_run(a)
    images = image_set + scored_in_words(scored.class_set, scored.truth_name)
    error_a, error_b = found.top1_error
    low, high = found.interval
    difference = f"difference {error_b - error_a:+.2f} [{low:+.2f}, {high:+.2f}]"
    flips = f"only a is right on {found.only_a_right:,} images, only b on {found.only_b_right:,}"
    name_a, name_b = distinct_names([a, b])
    lines: list[RenderableType] = [
        whole_line(f"a: {name_a} ({a.path})"),
        whole_line(f"b: {name_b} ({b.path})"),
        whole_line(f"{crops_in_words(protocol)}, {images}, n = {found.n:,}"),
        Text(f"top-1 error: {error_a:.2f} -> {error_b:.2f}, {difference}"),
        Text(f"{flips}; exact McNemar p = {found.p_value:.3g}"),
    ]
    classes = found.classes()
    if not len(classes):
        return lines
    names = a.manifest.data.classes
    counts = ("n", "gained by b", "lost by b")
    columns = [Column("class", wraps=True), *(Column(heading, right=True) for heading in counts)]
    table = TerminalTable("classes that changed most", columns)
    for row in classes.head(CLASSES).to_dict("records"):
        name = names[row["label"]] if names else str(row["label"])
        table.add_row(name, *(f"{row[key]:,}" for key in ("n", "gained", "lost")))
    return [*lines, table]


def describe(change: Change) -> str:
    """A change of a baseline's row in a line.

    >>> describe(Change("v3, 144, all", (21.2, 5.6), (21.1, 5.5)))
    'v3, 144, all: 21.20 / 5.60 -> 21.10 / 5.50'
    """
    before = error_pair(change.before) if change.before else "new"
    after = error_pair(change.after) if change.after else "removed"
    return f"{change.name}: {before} -> {after}"


def verdict_tables(verdicts: Sequence[Verdict], baseline: str) -> list[RenderableType]:
    """A table for each image set and way of scoring, with a row for each verdict; and how many fail."""
    expected = "published" if baseline == str(PUBLISHED) else "baseline"
    tables: dict[str, TerminalTable] = {}
    for verdict in verdicts:
        images = verdict.image_set + scored_in_words(verdict.class_set, verdict.truth)
        columns = [
            *(Column("model"), Column("protocol"), Column(expected, right=True)),
            *(Column("measured", right=True), Column("verdict")),
        ]
        table = tables.setdefault(images, TerminalTable(f"against {baseline}: {images}", columns))
        mark = MARKS[verdict.passed]
        table.add_row(
            name_cell(verdict.model),
            verdict.protocol,
            error_pair(verdict.baseline),
            error_pair(verdict.measured),
            Noted(f"{mark}, {verdict.why}", mark, verdict.why, STYLES[verdict.passed]),
        )
    return [*tables.values(), Text(verdict_count(verdicts))]


def growth_tables(steps: pd.DataFrame, members: Sequence[str]) -> list[RenderableType]:
    """How the error falls with networks and crops, as GoogLeNet's Table 3 has it: a table for each image set.

    `steps` are of `results.ensemble.growth`; `members` are the names of the networks.
    """
    top5 = has_top5(steps)
    headings = ["networks", "crops", "cost", "top-1 error", "to base"]
    if top5:
        headings += ["top-5 error", "to base"]
    tables: list[RenderableType] = []
    for image_set, rows in steps.groupby("image_set", sort=False):
        title = f"{image_set}: n = {rows['n'].iloc[0]:,}"
        table = TerminalTable(title, [Column(heading, right=True) for heading in headings])
        for number, row in enumerate(rows.to_dict("records")):
            is_base = number == 0
            cells = [
                str(row["networks"]),
                str(row["protocol"]),
                f"{row['cost']:,}",
                f"{row['top1_error']:.2f}",
                "base" if is_base else f"{row['top1_to_base']:+.2f}",
            ]
            if top5:
                cells.append(f"{row['top5_error']:.2f}")
                cells.append("base" if is_base else f"{row['top5_to_base']:+.2f}")
            table.add_row(*cells)
        tables.append(table)
    return [*tables, whole_line(f"members, in the order they are added: {', '.join(members)}")]
