"""Runs or tables against a baseline, with a verdict for each row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from results.comparison import compare
from results.errors import RunError, RunUsageError
from results.metrics import error_percent
from results.names import distinct_names, network_of
from results.run import MANIFEST, Run
from results.scoring import AS_STORED, Scoring, clean_counterparts, scored_in_words
from results.storage import refuse_device, write_output
from results.tables import KEY, MEASURED, SCORED, accuracy, without_unused

COUNTS = ("n", "top1_hits", "top5_hits")
HASHES = ("images_sha256", "protocol_sha256")
COLUMNS = (*KEY, *MEASURED, *HASHES)
"""The columns of a baseline, which has those of `SCORED` only where they say something."""

HALF_A_DIGIT = 0.0051
"""Points by which an error in a table may differ from that of its hits: it may be rounded to two digits,
and binary fractions are not exact.
"""

RUN = "opened_run"
"""The column with the `Run` of each row, in tables where all rows are of runs."""

SCORING = "scoring"
"""The column with the `Scoring` of each of these rows."""

Key = tuple[str, str, str, str, str]
"""The values of the columns `KEY`."""

Records = Mapping[Key, dict[Any, Any]]
"""The rows of a table by their keys."""


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
    baseline: tuple[float | None, float | None] | None
    """The top-1 and top-5 errors in percent; None where the baseline lacks the row. Of published errors, one
    may be None.
    """
    measured: tuple[float, float] | None
    """The same; None where the row was not measured."""
    passed: bool | None
    """None where there is nothing that the row could be held to."""
    why: str
    """The reason in words."""
    class_set: str = ""
    """The set of classes among which the network chose; empty for all."""
    truth: str = ""
    """The labels, such as `real`; empty for the run's own."""

    @property
    def name(self) -> str:
        """What the row is of, such as `v3, 144, all`."""
        return _name((self.model, self.protocol, self.image_set, self.class_set, self.truth))


def _name(key: Key) -> str:
    """What a row is of, in words.

    >>> _name(("v3", "144", "all", "", "")), _name(("v3", "1", "all", "imagenet-a", "real"))
    ('v3, 144, all', 'v3, 1, all, among imagenet-a, by real')
    """
    *usual, class_set, truth = key
    return ", ".join(usual) + scored_in_words(class_set, truth)


def check(
    measured: Sequence[Path],
    baseline: Path,
    tolerance: Tolerance,
    scorings: Sequence[Scoring] = (AS_STORED,),
) -> list[Verdict]:
    """A verdict for each row of the runs or tables at `measured` and of the run or table at `baseline`.

    Runs are scored in each of these ways. Where all are runs, rows that pass are put to a paired test on
    their images as well. Raises `RunError`.
    """
    return judge(_read(measured, scorings), _read([baseline], scorings), tolerance)


@dataclass(frozen=True)
class Change:
    """A row of a baseline that was changed, added or removed. Errors are top-1 and top-5 in percent."""

    name: str
    """What the row is of, such as `v3, 144, all`."""
    before: tuple[float, float] | None
    """None for a row that was added."""
    after: tuple[float, float] | None
    """None for a row that was removed."""


def update(
    measured: Sequence[Path],
    baseline: Path,
    scorings: Sequence[Scoring] = (AS_STORED,),
    *,
    prune: bool = False,
) -> list[Change]:
    """Write what was measured into the baseline, a CSV that may be new, and return what changed in it.

    Runs are scored in each of these ways. Rows that were not measured stay; with `prune` they are removed.
    Raises `RunError`.
    """
    if baseline.suffix != ".csv":
        raise RunUsageError(f"--update writes a .csv, which {baseline} is not")
    old = _records(read_csv(baseline), "the baseline") if baseline.exists() else {}
    new = _with_names_of(old, _records(_read(measured, scorings), "the measured table"))
    kept = {key: record for key, record in old.items() if key in new or not prune}
    merged = kept | new  # a row that is in both keeps its place
    # as objects, because some names are not Unicode
    text = to_csv(pd.DataFrame(list(merged.values()), dtype=object))
    write_output(baseline, text.encode("utf-8", "backslashreplace"))
    before, after = _rows(old), _rows(merged)
    return [
        Change(
            _name(key),
            before[key].errors if key in before else None,
            after[key].errors if key in after else None,
        )
        for key in old | new
        if before.get(key) != after.get(key)
    ]


def to_csv(table: pd.DataFrame) -> str:
    """The table as the text of a baseline."""
    columns = [name for name in COLUMNS if name in table or name not in SCORED]
    return without_unused(table[columns]).to_csv(index=False, lineterminator="\n")


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
    if missing := [name for name in (*KEY, *COUNTS) if name not in table and name not in SCORED]:
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
    texts = (*SCORED, *HASHES)
    return table.assign(**{name: table[name].fillna("") if name in table else "" for name in texts})


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


def _read(paths: Sequence[Path], scorings: Sequence[Scoring]) -> pd.DataFrame:
    """One table of all runs and CSVs; with the columns `RUN` and `SCORING` if all are runs."""
    runs = [Run.open(path) for path in paths if is_run(path)]
    tables = [read_csv(path) for path in paths if not is_run(path)]
    if tables:
        return pd.concat([accuracy(runs, scorings), *tables] if runs else tables)
    table = accuracy(runs, scorings)
    by_row = {
        (name, protocol, scoring.class_set, scoring.truth_name): (run, scoring)
        for name, run in zip(distinct_names(runs), runs, strict=True)
        for scoring in (*(each.of_run(run) for each in scorings), *clean_counterparts(run, runs, scorings))
        for protocol in run.protocols
    }
    rows = zip(*(table[name] for name in ("model", "protocol", *SCORED)), strict=True)
    opened, scored = zip(*(by_row[row] for row in rows), strict=True)
    columns = {RUN: opened, SCORING: scored}
    return table.assign(**{name: pd.Series(column, dtype=object) for name, column in columns.items()})


def is_run(path: Path) -> bool:
    """Whether a path is that of a run and not that of a table."""
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
    run: Run | None = field(compare=False)
    """None where the table has rows that are of no run."""
    scoring: Scoring | None = field(compare=False)

    @classmethod
    def of(cls, row: dict[Any, Any]) -> "_Row":
        n, top1_hits, top5_hits = (int(row[name]) for name in COUNTS)
        images_sha256, protocol_sha256 = (str(row[name]) for name in HASHES)
        return cls(n, top1_hits, top5_hits, images_sha256, protocol_sha256, row.get(RUN), row.get(SCORING))

    @property
    def errors(self) -> tuple[float, float]:
        return error_percent(self.top1_hits, self.n), error_percent(self.top5_hits, self.n)


def _records(table: pd.DataFrame, name: str) -> dict[Key, dict[Any, Any]]:
    """The rows of a table, which messages call `name`. Raises `RunUsageError` where one is there twice."""
    rows: dict[Key, dict[Any, Any]] = {}
    for row in table.to_dict("records"):
        model, protocol, image_set, class_set, truth = (str(row.get(column, "")) for column in KEY)
        key = (model, protocol, image_set, class_set, truth)
        if key in rows:
            raise RunUsageError(f"{name} has the row {_name(key)} twice: keep one of them")
        rows[key] = row
    return rows


def _rows(records: Records) -> dict[Key, _Row]:
    """The rows as verdicts need them."""
    return {key: _Row.of(record) for key, record in records.items()}


def _with_names_of(baseline: Records, measured: Records) -> dict[Key, dict[Any, Any]]:
    """The measured rows, under the baseline's name where that has exactly one other name for a row.

    A run's name has the settings in which it differs from the runs beside it, and there others may have been
    beside it.
    """
    pairs = [
        (own, other)
        for own in measured
        for other in baseline
        if own not in baseline
        and other not in measured
        and _is_same_run(own, measured[own], other, baseline[other])
    ]
    count = Counter(key for pair in pairs for key in pair)
    names = {own: other for own, other in pairs if count[own] == count[other] == 1}
    return {
        names.get(key, key): record | {"model": names.get(key, key)[0]} for key, record in measured.items()
    }


def _is_same_run(a: Key, row_a: Mapping[Any, Any], b: Key, row_b: Mapping[Any, Any]) -> bool:
    """Whether two rows are of the same network, images and protocol, one of them without settings in its
    name, and of the same weights as far as that is known.
    """
    network = network_of(a[0])
    if network != network_of(b[0]) or network not in (a[0], b[0]) or a[1:] != b[1:]:
        return False
    known = {weights for row in (row_a, row_b) if isinstance(weights := row.get("weights"), str)}
    if len(known) > 1:
        return False
    return all(row_a[name] and row_a[name] == row_b[name] for name in HASHES)


def judge(measured: pd.DataFrame, baseline: pd.DataFrame, tolerance: Tolerance) -> list[Verdict]:
    """A verdict for each row of the two tables, the baseline's first.

    A row fails when one table lacks it, when it is of other images or another protocol, and when an error is
    worse than the tolerance allows. Where both tables are of runs, a row that passes is put to a paired test
    as well. Raises `RunUsageError` where a table has the same row twice.
    """
    expected = _records(baseline, "the baseline")
    measured_rows = _rows(_with_names_of(expected, _records(measured, "the measured table")))
    baseline_rows = _rows(expected)
    verdicts = []
    for key in dict.fromkeys((*baseline_rows, *measured_rows)):
        if key not in measured_rows:
            verdicts.append(_missing(key, baseline_rows[key]))
        elif key not in baseline_rows:
            verdicts.append(_new(key, measured_rows[key], baseline_rows))
        else:
            verdicts.append(_verdict(key, measured_rows[key], baseline_rows[key], tolerance))
    return verdicts


def _missing(key: Key, baseline: _Row) -> Verdict:
    """The verdict on a row that the baseline alone has."""
    why = "missing: it was not measured"
    return Verdict(*key[:3], baseline.n, baseline.errors, None, False, why, *key[3:])


def _new(key: Key, measured: _Row, baseline: Mapping[Key, _Row]) -> Verdict:
    """The verdict on a row that the baseline lacks."""
    network, row = network_of(key[0]), key[1:]
    others = [each[0] for each in baseline if network_of(each[0]) == network and each[1:] == row]
    if others:
        why = f"not in the baseline, which has {' and '.join(others)}: measure the same runs together"
    else:
        why = "not in the baseline: add it with --update, or leave it out"
    return Verdict(*key[:3], measured.n, None, measured.errors, False, why, *key[3:])


def _verdict(key: Key, measured: _Row, baseline: _Row, tolerance: Tolerance) -> Verdict:
    """The verdict on a row that both have."""
    passed, why = _judge_row(measured, baseline, tolerance)
    verdict = Verdict(*key[:3], measured.n, baseline.errors, measured.errors, passed, why, *key[3:])
    if passed and measured.run and baseline.run and measured.scoring:
        return _judge_images(verdict, measured.run, baseline.run, measured.scoring, tolerance)
    return verdict


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
    verdict: Verdict, measured: Run, baseline: Run, scoring: Scoring, tolerance: Tolerance
) -> Verdict:
    """The verdict on a row that passed, after an exact paired test (McNemar).

    It fails if the run got worse by that test, or with `both_ways` if it changed at all.
    """
    try:
        found = compare(baseline, measured, verdict.protocol, verdict.image_set, scoring)
    except RunError as error:
        return replace(verdict, passed=False, why=str(error))
    lost, gained = found.only_a_right, found.only_b_right
    worse = lost > gained
    if found.p_value >= tolerance.alpha or not (worse or tolerance.both_ways):
        return verdict
    counts = f"{lost} images lost, {gained} gained, p = {found.p_value:.2g} < {tolerance.alpha:g}"
    return replace(verdict, passed=False, why=f"{'worse' if worse else 'better'}: {counts}")
