"""The index page of a site: many runs by the images that they are on, each linked to its own page."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

import pandas as pd

from results.report.html.table import Block, error_tables
from results.report.html.templates import render
from results.report.html.titles import full_titles
from results.run import Run


@dataclass(frozen=True)
class Entry:
    """A complete run, with its page."""

    run: Run
    page: str
    """The name of the file."""
    table: pd.DataFrame
    """Its rows, of `results.tables.accuracy`."""


@dataclass(frozen=True)
class Group:
    """Runs on the same images, scored among the same classes."""

    entries: Sequence[Entry]
    page: str
    """The name of the file with all of them; empty where there is one run."""

    @property
    def data(self) -> str:
        """What the images are called."""
        return PurePosixPath(self.entries[0].run.manifest.data.path).name


def write_index(folder: str, groups: Sequence[Group], others: Sequence[tuple[str, str]]) -> str:
    """The index of the runs in a folder; `others` do not count, each with the line that says why."""
    return render(
        "index.html",
        folder=folder,
        groups=[(group, _rows(group)) for group in groups],
        others=others,
        address=_address,
        number=sum(len(group.entries) for group in groups),
    )


def _rows(group: Group) -> list[tuple[Entry, str, Block]]:
    """Each run with its title, and its errors under its last protocol on all images."""
    rows = []
    titles = full_titles([entry.run for entry in group.entries])
    for entry, title in zip(group.entries, titles, strict=True):
        table = entry.table
        usual = table[(table["image_set"] == "all") & (table["protocol"] == entry.run.protocols[-1])]
        (block,) = next(iter(error_tables(usual.head(1), [entry.run])[0].rows.values()))
        rows.append((entry, title, block))
    return rows


def _address(page: str) -> str:
    """The name of a file as a link has it.

    >>> _address("50 % & more.html")
    '50%20%25%20%26%20more.html'
    """
    return quote(os.fsencode(page))
