"""The regression gate of CI: runs or tables against a baseline on disk, and where the verdicts go."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.errors import UsageError
from results import baseline as regression
from results.baseline import Verdict
from results.run import MANIFEST, Run
from results.storage import write
from results.tables import accuracy


@dataclass(frozen=True)
class Gate:
    """What may change: an error by `tolerance` points, images by chance at `alpha`; upwards, or `both_ways`."""

    tolerance: float
    alpha: float
    both_ways: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 100:
            raise UsageError(f"--tolerance {self.tolerance:g}: write points of error, such as 0.1")
        if not 0 < self.alpha < 1:
            raise UsageError(f"--alpha {self.alpha:g}: write a probability, such as 0.01")


def check(measured: Sequence[Path], against: Path, gate: Gate) -> list[Verdict]:
    """A verdict for each row of the tables, or of the runs, in `measured` and in the baseline `against`.

    Where both are runs, each row is put to the paired test as well. Raises `UsageError` and `RunError`.
    """
    table, runs = _read(measured)
    baseline, baselines = _read([against])
    verdicts = regression.judge(table, baseline, gate.tolerance, both_ways=gate.both_ways)
    return (
        regression.paired(verdicts, runs, baselines, gate.alpha, both_ways=gate.both_ways)
        if runs and baselines
        else verdicts
    )


def update(measured: Sequence[Path], against: Path) -> None:
    """Make what was measured the baseline."""
    if against.suffix != ".csv":
        raise UsageError(f"--update writes a .csv, which {against} is not")
    table, _ = _read(measured)
    regression.judge(table, table, 0)  # a row that is there twice shows here
    write(against, regression.write(table).encode())


def tell_github(verdicts: Sequence[Verdict], baseline: Path) -> list[str]:
    """Under GitHub Actions: append a step summary, and give back an annotation for each row that failed."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(regression.markdown(verdicts, str(baseline)))
        except OSError as error:  # the verdicts matter more
            print(f"note: cannot write the step summary {summary}: {error.strerror}", file=sys.stderr)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    return [f"::error title={_escaped(verdict.name, ':,')}::{_escaped(verdict.why)}" for verdict in failed]


def _escaped(text: str, more: str = "") -> str:
    """As workflow commands want it: what ends a line or a property as its code."""
    return "".join(f"%{ord(letter):02X}" if letter in "%\r\n" + more else letter for letter in text)


def _read(paths: Sequence[Path]) -> tuple[pd.DataFrame, list[Run]]:
    """The table of runs or CSVs; and the runs, where all are runs."""
    runs = [Run.open(path) if path.is_dir() or path.name == MANIFEST else None for path in paths]
    found = [run for run in runs if run]
    if len(found) == len(paths):
        return accuracy(found), found
    tables = [
        accuracy([run]) if run else regression.read(path) for run, path in zip(runs, paths, strict=True)
    ]
    return pd.concat(tables, ignore_index=True), []
