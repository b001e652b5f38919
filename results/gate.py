"""What `check` holds results to: a baseline, or the figures that were published for the weights."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from results import baseline
from results.baseline import Tolerance, Verdict
from results.errors import RunError, RunUsageError
from results.run import Run
from results.scoring import AS_STORED, Scoring
from results.tables import SCORED, accuracy

PUBLISHED = Path("published")
"""In place of a baseline: the figures that were published for the weights of each run."""


def parse_against(name: str, parse: Callable[[str], Path]) -> Path:
    """What to hold results to: `PUBLISHED` for that word, and else a baseline's path, as `parse` reads it.

    A file of that name is `./published`. Its path is absolute, so that the two differ.

    >>> parse_against("published", Path) == PUBLISHED, parse_against("./published", Path) == PUBLISHED
    (True, False)
    """
    if name == str(PUBLISHED):
        return PUBLISHED
    path = parse(name)
    return path.absolute() if path == PUBLISHED else path


def check(
    measured: Sequence[Path],
    against: Path,
    tolerance: Tolerance,
    scorings: Sequence[Scoring] = (AS_STORED,),
) -> list[Verdict]:
    """A verdict for each row of the runs or tables at `measured`, and for each of the baseline at `against`.

    Against `PUBLISHED`, a row fails when an error differs by more than the tolerance, to either side. Rows
    that cannot be compared have a verdict that neither passes nor fails. Raises `RunError`.
    """
    if against != PUBLISHED:
        return baseline.check(measured, against, tolerance, scorings)
    refuse_tables(measured)
    rows = accuracy([Run.open(path) for path in measured], scorings).to_dict("records")
    return [_verdict(row, tolerance.points) for row in rows]


def refuse_tables(measured: Sequence[Path]) -> None:
    """Raise `RunError` for a path that is not that of a run."""
    for path in measured:
        if not baseline.is_run(path):
            if not path.exists():
                raise RunError(f"no run at {path}: there is no such folder")
            raise RunUsageError(f"--against published takes runs, and {path} is none: name the runs in it")


def why_nothing_was_compared(verdicts: Sequence[Verdict]) -> str:
    """The row that comes nearest to what was published, and why it cannot be compared; empty where a row was
    compared.
    """
    if any(verdict.passed is not None for verdict in verdicts):
        return ""
    first = next((verdict for verdict in verdicts if verdict.baseline), verdicts[0])
    return f"{first.name}: {first.why}"


def _verdict(row: Mapping[Any, Any], points: float) -> Verdict:
    """The verdict on a row of `accuracy`, with the published errors in place of a baseline's."""
    errors = (_number(row["weights_top1"]), _number(row["weights_top5"]))
    gaps = {"top-1": _number(row["top1_gap"]), "top-5": _number(row["top5_gap"])}
    known = {kind: gap for kind, gap in gaps.items() if gap is not None}
    passed, why = None, row["verdict"]
    if known:
        far = [f"{kind} error {gap:+.2f} points" for kind, gap in known.items() if abs(gap) > points]
        passed = not far
        if passed and any(known.values()):
            far = [f"within {points:g} points"]
        why = ", ".join([*far, why])
    elif not why:
        why = "another crop" if row["weights_source"] else "no figure for these weights, images and crop"
        why = f"not comparable: {why}"
    return Verdict(
        model=row["model"],
        protocol=row["protocol"],
        image_set=row["image_set"],
        n=row["n"],
        baseline=errors if row["weights_source"] else None,
        measured=(row["top1_error"], row["top5_error"]),
        passed=passed,
        why=why,
        **{name: row[name] for name in SCORED},
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
