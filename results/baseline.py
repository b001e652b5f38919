"""The gate of `check`: runs or tables against a baseline, with a verdict for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from results.comparison import compare
from results.errors import RunError, RunUsageError
from results.metrics import error_percent
from results.run import MANIFEST, Run
from results.storage import refuse_device, write_output
from results.tables import KEY, MEASURED, accuracy

COUNTS = ("n", "top1_hits", "top5_hits")
HASHES = ("images_sha256", "protocol_sha256")
COLUMNS = (*KEY, *MEASURED, *HASHES)
"""The columns of a baseline."""

HALF_A_DIGIT = 0.0051
"""Points by which an error in a table may differ from that of its hits: it may be rounded to two digits,
and binary fractions are not exact.
"""

Key = tuple[str, str, str]
"""Model, protocol and image set."""


@dataclass(frozen=True)
class Tolerance:
    """How much may change before a row fails. Raises `RunUsageError` for values that have no meaning."""

    points: float
    """Points by which an error may be higher."""
    alpha: float
    """Where both sides are runs: the p value of the paired test below which a row fails."""
    both_ways: bool = False
    """Whether a row fails when it is better, too, so that baselines are renewed."""

    def __post_init__(self) -> None:
        if not 0 <= self.points < 100:
            raise RunUsageError(f"--tolerance {self.points:g}: write points of error, such as 0.1")
        if not 0 < self.alpha < 1:
            raise RunUsageError(f"--alpha {self.alpha:g}: write a probability, such as 0.01")


@dataclass(frozen=True)
class Verdict:
    """Whether a row of the baseline, or of the measured table, passes."""

    model: str
    protocol: str
    image_set: str
    n: int | None
    """Images that were measured, or else those of the baseline."""
    baseline: tuple[float, float] | None
    """The top-1 and top-5 errors in percent; None where the baseline lacks the row."""
    measured: tuple[float, float] | None
    """The same; None where the row was not measured."""
    passed: bool
    why: str
    """The reason in words."""

    @property
    def name(self) -> str:
        """What the row is of, such as `v3, 144, all`."""
        return f"{self.model}, {self.protocol}, {self.image_set}"


def check(measured: Sequence[Path], baseline: Path, tolerance: Tolerance) -> list[Verdict]:
    """A verdict for each row of the runs or tables at `measured` and of the run or table at `baseline`.

    Where all are runs, rows that pass are put to a paired test on their images as well. Raises `RunError`.
    """
    measured_table, measured_runs = _read(measured)
    baseline_table, baseline_runs = _read([baseline])
    verdicts = judge(measured_table, baseline_table, tolerance)
    if measured_runs and baseline_runs:
        return _judge_images(verdicts, measured_runs, baseline_runs, tolerance)
    return verdicts


@dataclass(frozen=True)
class Change:
    """A row of a baseline that was changed, added or removed. Errors are top-1 and top-5 in percent."""

    name: str
    """What the row is of, such as `v3, 144, all`."""
    before: tuple[float, float] | None
    """None for a row that was added."""
    after: tuple[float, float] | None
    """None for a row that was removed."""


def update(measured: Sequence[Path], baseline: Path, *, prune: bool = False) -> list[Change]:
    """Write what was measured into the baseline, a CSV that may be new, and return what changed in it.

    Rows that were not measured stay; with `prune` they are removed. Raises `RunError`.
    """
    if baseline.suffix != ".csv":
        raise RunUsageError(f"--update writes a .csv, which {baseline} is not")
    table, _ = _read(measured)
    new = _records(table, "the measured table")
    old = _records(read_csv(baseline), "the baseline") if baseline.exists() else {}
    kept = {key: record for key, record in old.items() if key in new or not prune}
    merged = kept | new  # a row that is in both keeps its place
    # as objects, because some names are not Unicode
    text = to_csv(pd.DataFrame(list(merged.values()), dtype=object))
    write_output(baseline, text.encode("utf-8", "backslashreplace"))
    before, after = _rows(old), _rows(merged)
    return [
        Change(
            ", ".join(key),
            before[key].errors if key in before else None,
            after[key].errors if key in after else None,
        )
        for key in old | new
        if before.get(key) != after.get(key)
    ]


def to_csv(table: pd.DataFrame) -> str:
    """The table as the text of a baseline."""
    return table[list(COLUMNS)].to_csv(index=False, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """A table that `report` or `check --update` wrote as CSV. Raises `RunError` for anything else, and where
    an error is not that of its hits.
    """
    try:
        refuse_device(path)
        table = pd.read_csv(StringIO(path.read_text("utf-8")), dtype=dict.fromkeys((*KEY, *HASHES), str))
    except FileNotFoundError:
        raise RunError(f"no run or table at {path}: there is no such folder or file") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"cannot read the table {path} ({reason}): name a CSV that `report` wrote") from None
    if missing := [name for name in (*KEY, *COUNTS) if name not in table]:
        raise RunError(f"{path} lacks the columns {', '.join(missing)}: name a CSV that `report` wrote")
    counts = table[list(COUNTS)].apply(pd.to_numeric, errors="coerce")
    if wrong := _wrong_counts(counts):
        raise RunError(
            f"{path} is no table of results, {wrong}: take another copy, or renew it with --update"
        )
    table[list(COUNTS)] = counts.astype(int)
    for k in (1, 5):
        computed = 100 * (1 - table[f"top{k}_hits"] / table["n"])
        if f"top{k}_error" in table:
            _check_errors(path, table, f"top{k}_error", computed)
        table[f"top{k}_error"] = computed
    return table.assign(**{name: table[name].fillna("") if name in table else "" for name in HASHES})


def _check_errors(path: Path, table: pd.DataFrame, name: str, computed: "pd.Series[float]") -> None:
    """Raise `RunError` where the error in the column `name` is not that of the hits beside it."""
    written = pd.to_numeric(table[name], errors="coerce")  # nothing is held against an empty cell
    differing = ((written - computed).abs() > HALF_A_DIGIT).to_numpy()
    if differing.any():
        row = int(differing.argmax())
        raise RunError(
            f"{path}, line {row + 2}: the {name} is {written[row]:g}, and that of the hits is "
            f"{computed[row]:.2f}: correct one of them, or renew the table"
        )


def _wrong_counts(counts: pd.DataFrame) -> str:
    """What is wrong with counts that were read; empty where nothing is."""
    if not len(counts):
        return "it is empty"
    n, top1, top5 = (counts[name] for name in COUNTS)
    exact = (n < 2**53) & (counts % 1 == 0).all(axis=1)  # from there on floats skip integers
    possible = (n >= 1) & (top1 >= 0) & (top1 <= top5) & (top5 <= n) & exact
    if possible.all():
        return ""
    first_line = int((~possible).to_numpy().argmax()) + 2  # after the heading, from 1
    return f"line {first_line} has counts that cannot be"


def _read(paths: Sequence[Path]) -> tuple[pd.DataFrame, list[Run]]:
    """One table of all runs and CSVs; and the runs, if all are runs."""
    if all(map(_is_run, paths)):
        runs = [Run.open(path) for path in paths]
        return accuracy(runs), runs
    tables = [accuracy([Run.open(path)]) if _is_run(path) else read_csv(path) for path in paths]
    return pd.concat(tables), []


def _is_run(path: Path) -> bool:
    return path.is_dir() or path.name == MANIFEST


@dataclass(frozen=True)
class _Row:
    """A row of a table, as far as verdicts need it."""

    n: int
    top1_hits: int
    top5_hits: int
    images_sha256: str
    """Empty where the table does not say."""
    protocol_sha256: str

    @classmethod
    def of(cls, row: dict[Any, Any]) -> "_Row":
        n, top1_hits, top5_hits = (int(row[name]) for name in COUNTS)
        images_sha256, protocol_sha256 = (str(row[name]) for name in HASHES)
        return cls(n, top1_hits, top5_hits, images_sha256, protocol_sha256)

    @property
    def errors(self) -> tuple[float, float]:
        return error_percent(self.top1_hits, self.n), error_percent(self.top5_hits, self.n)


def _records(table: pd.DataFrame, name: str) -> dict[Key, dict[Any, Any]]:
    """The rows of a table, which messages call `name`. Raises `RunUsageError` where one is there twice."""
    rows: dict[Key, dict[Any, Any]] = {}
    for row in table.to_dict("records"):
        key = (str(row["model"]), str(row["protocol"]), str(row["image_set"]))
        if key in rows:
            raise RunUsageError(
                f"{name} has the row {', '.join(key)} twice: keep one, or name runs of different networks"
            )
        rows[key] = row
    return rows


def _by_key(table: pd.DataFrame, name: str) -> dict[Key, _Row]:
    """The rows of a table as verdicts need them. Raises `RunUsageError` where one is there twice."""
    return _rows(_records(table, name))


def _rows(records: Mapping[Key, dict[Any, Any]]) -> dict[Key, _Row]:
    return {key: _Row.of(record) for key, record in records.items()}


def judge(measured: pd.DataFrame, baseline: pd.DataFrame, tolerance: Tolerance) -> list[Verdict]:
    """A verdict for each row of the two tables, the baseline's first.

    A row fails when one table lacks it, when it is of other images or another protocol, and when an error is
    worse than the tolerance allows. Raises `RunUsageError` where a table has the same row twice.
    """
    measured_rows = _by_key(measured, "the measured table")
    baseline_rows = _by_key(baseline, "the baseline")
    keys = dict.fromkeys((*baseline_rows, *measured_rows))
    return [_verdict(key, measured_rows.get(key), baseline_rows.get(key), tolerance) for key in keys]


def _verdict(key: Key, measured: _Row | None, baseline: _Row | None, tolerance: Tolerance) -> Verdict:
    if measured and baseline:
        passed, why = _judge_row(measured, baseline, tolerance)
        return Verdict(*key, measured.n, baseline.errors, measured.errors, passed, why)
    if baseline:
        why = "missing: it was not measured"
        return Verdict(*key, baseline.n, baseline.errors, None, False, why)
    assert measured
    why = "not in the baseline: add it with --update, or leave it out"
    return Verdict(*key, measured.n, None, measured.errors, False, why)


def _judge_row(measured: _Row, baseline: _Row, tolerance: Tolerance) -> tuple[bool, str]:
    """Whether a row passes that both tables have, and why."""
    if measured.n != baseline.n:
        return False, f"other images: n = {measured.n:,}, the baseline has {baseline.n:,}"

    # From hits: a change of exactly the tolerance passes, as both are the float nearest to the same number.
    changes = {
        "top-1": 100 * (baseline.top1_hits - measured.top1_hits) / measured.n,
        "top-5": 100 * (baseline.top5_hits - measured.top5_hits) / measured.n,
    }
    for name, change in changes.items():
        if change > tolerance.points:
            return False, f"worse: {name} error {change:+.2f} points"
    if _both_known_and_differ(measured.images_sha256, baseline.images_sha256):
        return False, "other images or labels than the baseline's, though as many"
    if _both_known_and_differ(measured.protocol_sha256, baseline.protocol_sha256):
        return False, "another protocol than the baseline's: other scales, pooling, resampling or input"
    if tolerance.both_ways:
        for name, change in changes.items():
            if change < -tolerance.points:
                return False, f"better: {name} error {change:+.2f} points; renew the baseline with --update"
    return True, _describe_pass(changes, tolerance.points)


def _describe_pass(changes: Mapping[str, float], points: float) -> str:
    """What to say of a row that passes, whose errors changed by so many points."""
    if not any(changes.values()):
        return "equal"
    kind = "better" if min(changes.values()) < -points else f"within {points:g} points"
    return f"{kind}: {changes['top-1']:+.2f} / {changes['top-5']:+.2f}"


def _both_known_and_differ(a: str, b: str) -> bool:
    """A baseline that was written by hand may lack its hashes."""
    return bool(a and b and a != b)


def _judge_images(
    verdicts: Sequence[Verdict], measured: Sequence[Run], baseline: Sequence[Run], tolerance: Tolerance
) -> list[Verdict]:
    """The verdicts after a paired test of each row that passed."""
    measured_runs = {(run.name, protocol): run for run in measured for protocol in run.protocols}
    baseline_runs = {(run.name, protocol): run for run in baseline for protocol in run.protocols}
    after = []
    for verdict in verdicts:
        if verdict.passed:
            key = (verdict.model, verdict.protocol)
            after.append(_judge_pair(verdict, measured_runs[key], baseline_runs[key], tolerance))
        else:
            after.append(verdict)
    return after


def _judge_pair(verdict: Verdict, measured: Run, baseline: Run, tolerance: Tolerance) -> Verdict:
    """The verdict on a row that passed, after an exact paired test (McNemar).

    It fails if the run got worse by that test, or with `both_ways` if it changed at all.
    """
    try:
        found = compare(baseline, measured, verdict.protocol, verdict.image_set)
    except RunError as error:
        return replace(verdict, passed=False, why=str(error))
    lost, gained = found.only_a_right, found.only_b_right
    worse = lost > gained
    if found.p_value >= tolerance.alpha or not (worse or tolerance.both_ways):
        return verdict
    counts = f"{lost} images lost, {gained} gained, p = {found.p_value:.2g} < {tolerance.alpha:g}"
    return replace(verdict, passed=False, why=f"{'worse' if worse else 'better'}: {counts}")
