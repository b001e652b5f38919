"""The main table of the page, laid out as in the papers: networks down, protocols across."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from results.report.cells import CALIBRATION, PUBLISHED, has_top5, published_cell
from results.run import Run
from results.scoring import scored_in_words


@dataclass(frozen=True)
class Error:
    """A measured error, in percent, with its 95 % interval."""

    kind: str
    """`top1` or `top5`."""
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Cell:
    """A network under one protocol, on one image set."""

    errors: Sequence[Error]
    """Top-1, and top-5 where it means something."""
    notes: Sequence[tuple[str, str]]
    """What stands below the errors, as (heading, text): calibration, published figures, the verdict."""


@dataclass(frozen=True)
class Block:
    """The cells of a network on one image set."""

    n: int | None
    """Images; None where the run has no such image set."""
    cells: Sequence[Cell | None]
    """One for each protocol of the image set; None where the run does not have it."""


@dataclass(frozen=True)
class ErrorTable:
    """All rows that are scored in one way."""

    scored: str
    """Among which classes and by which labels, in words; empty for the usual ones."""
    protocols: Mapping[str, Sequence[str]]
    """Those of each image set, the smallest first."""
    rows: Mapping[str, Sequence[Block]]
    """By the title of the run: a block for each image set."""
    kinds: Sequence[str]
    """The kinds of errors."""

    @property
    def has_notes(self) -> bool:
        """Whether something stands below an error."""
        blocks = [block for row in self.rows.values() for block in row]
        return any(cell.notes for block in blocks for cell in block.cells if cell)


def error_tables(table: pd.DataFrame, runs: Sequence[Run], *, calibration: bool = False) -> list[ErrorTable]:
    """A table for each way of scoring in `results.tables.accuracy`'s table of `runs`.

    The column `model` has a title of its own for each run. With `calibration`, cells have its figures.
    """
    crops = {name: record.crops for run in runs for name, record in run.manifest.plan.protocols.items()}
    order = sorted(crops, key=lambda name: crops[name])
    tables = []
    for (class_set, truth), scored in table.groupby(["class_set", "truth"], sort=False):
        kinds = ("top1", "top5") if has_top5(scored) else ("top1",)
        rows = {(row["model"], row["image_set"], row["protocol"]): row for row in scored.to_dict("records")}
        protocols = {
            image_set: [name for name in order if any(key[1:] == (image_set, name) for key in rows)]
            for image_set in dict.fromkeys(scored["image_set"])
        }
        blocks = {
            title: [
                _block([rows.get((title, image_set, name)) for name in names], kinds, calibration)
                for image_set, names in protocols.items()
            ]
            for title in dict.fromkeys(scored["model"])
        }
        words = scored_in_words(str(class_set), str(truth)).removeprefix(", ")
        tables.append(ErrorTable(words, protocols, blocks, kinds))
    return tables


def _block(rows: Sequence[Mapping[Any, Any] | None], kinds: Sequence[str], calibration: bool) -> Block:
    n = next((row["n"] for row in rows if row), None)
    return Block(n, [Cell(_errors(row, kinds), _notes(row, calibration)) if row else None for row in rows])


def _errors(row: Mapping[Any, Any], kinds: Sequence[str]) -> list[Error]:
    return [Error(kind, *(row[f"{kind}_{part}"] for part in ("error", "low", "high"))) for kind in kinds]


def _notes(row: Mapping[Any, Any], calibration: bool) -> list[tuple[str, str]]:
    notes = []
    if calibration:
        notes += [
            (heading, f"{row[column]:.4f}")
            for column, heading in CALIBRATION.items()
            if not pd.isna(row[column])
        ]
    notes += [
        (heading, published_cell(row, start))
        for heading, start in PUBLISHED.items()
        if row[f"{start}_source"]
    ]
    return notes + ([("verdict", row["verdict"])] if row["verdict"] else [])
