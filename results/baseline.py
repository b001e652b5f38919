"""The gate: measured tables held against a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pandas as pd

from results.comparison import compare
from results.errors import RunError, RunUsageError
from results.metrics import error
from results.report.markdown import escape, row_of
from results.run import Run
from results.tables import KEY, MEASURED

HASHES = ("images_sha256", "protocol_sha256")
COLUMNS = (*KEY, *MEASURED, *HASHES)


@dataclass(frozen=True)
class Verdict:
    """One row of the baseline, or of the measured table that the baseline lacks.

    Errors are (top-1, top-5) in percent, None where the row is missing; `passed` and `why` are what is said of it.
    """

    model: str
    protocol: str
    image_set: str
    n: int | None
    baseline: tuple[float, float] | None
    measured: tuple[float, float] | None
    passed: bool
    why: str

    @property
    def name(self) -> str:
        return f"{self.model}, {self.protocol}, {self.image_set}"


def read(path: Path) -> pd.DataFrame:
    """A table that `report` or `check --update` wrote as CSV. Raises `RunError` where it is none, or says a thing twice.

    Errors are computed again from the hits.
    """
    try:
        table = pd.read_csv(StringIO(path.read_text("utf-8")), dtype=dict.fromkeys((*KEY, *HASHES), str))
    except (OSError, ValueError, pd.errors.ParserError) as error_:
        raise RunError(
            f"cannot read the table {path} ({str(error_).splitlines()[0]}): name a CSV that `report` wrote"
        ) from None
    needed = (*KEY, "n", "top1_hits", "top5_hits")
    if lacking := [name for name in needed if name not in table]:
        raise RunError(f"{path} lacks the columns {', '.join(lacking)}: name a CSV that `report` wrote")
    counts = table[["n", "top1_hits", "top5_hits"]].apply(pd.to_numeric, errors="coerce")
    n, top1, top5 = (counts[name] for name in counts)
    exact = (n < 2**53) & (counts % 1 == 0).all(axis=1)  # beyond, floats skip integers
    good = (n >= 1) & (top1 >= 0) & (top1 <= top5) & (top5 <= n) & exact
    if not len(table) or not good.all():
        line = (
            "it is empty"
            if not len(table)
            else f"line {int((~good).to_numpy().argmax()) + 2} has counts that cannot be"
        )
        raise RunError(f"{path} is no table of results, {line}: take another copy, or renew it with --update")
    table[["n", "top1_hits", "top5_hits"]] = counts.astype(int)
    return table.assign(**{name: table[name].fillna("") if name in table else "" for name in HASHES})


def write(table: pd.DataFrame) -> str:
    """A baseline: the measured columns, as CSV."""
    return table[list(COLUMNS)].to_csv(index=False, lineterminator="\n")


def judge(
    measured: pd.DataFrame, baseline: pd.DataFrame, tolerance: float, *, both_ways: bool = False
) -> list[Verdict]:
    """A verdict for each row of either table: whether an error is worse (or, with `both_ways`, other) by more than
    `tolerance` points. Rows that only one of them has, and rows of other numbers of images, do not pass.

    Raises `RunError` where a table has the same row twice.
    """
    tables = [
        _by_key(table, what) for table, what in ((measured, "the measured table"), (baseline, "the baseline"))
    ]
    keys = dict.fromkeys((*tables[1], *tables[0]))
    return [_verdict(key, tables[0].get(key), tables[1].get(key), tolerance, both_ways) for key in keys]


@dataclass(frozen=True)
class _Counts:
    n: int
    top1_hits: int
    top5_hits: int
    images: str
    protocol: str

    @property
    def errors(self) -> tuple[float, float]:
        return error(self.top1_hits, self.n), error(self.top5_hits, self.n)


def _by_key(table: pd.DataFrame, what: str) -> dict[tuple[str, str, str], _Counts]:
    rows: dict[tuple[str, str, str], _Counts] = {}
    for row in table.to_dict("records"):
        key = (str(row["model"]), str(row["protocol"]), str(row["image_set"]))
        if key in rows:
            raise RunUsageError(
                f"{what} has the row {', '.join(key)} twice: keep one, or name runs of different networks"
            )
        images, protocol = (str(row.get(name, "")) for name in HASHES)
        rows[key] = _Counts(int(row["n"]), int(row["top1_hits"]), int(row["top5_hits"]), images, protocol)
    return rows


def _verdict(
    key: tuple[str, str, str],
    measured: _Counts | None,
    baseline: _Counts | None,
    tolerance: float,
    both_ways: bool,
) -> Verdict:
    errors = (baseline.errors if baseline else None, measured.errors if measured else None)
    if baseline is None or measured is None:
        there = measured or baseline
        why = (
            "missing: it was not measured"
            if measured is None
            else "not in the baseline: add it with --update, or leave it out"
        )
        return Verdict(*key, there.n if there else None, *errors, False, why)
    return Verdict(*key, measured.n, *errors, *_judged(measured, baseline, tolerance, both_ways))


def _judged(measured: _Counts, baseline: _Counts, tolerance: float, both_ways: bool) -> tuple[bool, str]:
    """Whether a row passes that both tables have, and why."""
    if measured.n != baseline.n:
        return False, f"other images: n = {measured.n:,}, the baseline has {baseline.n:,}"
    hits = ((baseline.top1_hits, measured.top1_hits), (baseline.top5_hits, measured.top5_hits))
    # by counts, so that a difference of exactly the tolerance passes whatever floating point makes of it
    changes = {k: 100 * (was - now) / measured.n for k, (was, now) in zip((1, 5), hits, strict=True)}
    allowed = tolerance + 1e-9
    if worse := [k for k, change in changes.items() if change > allowed]:
        return False, f"worse: top-{worse[0]} error {changes[worse[0]]:+.2f} points"
    if measured.images and baseline.images and measured.images != baseline.images:
        return False, "other images or labels than the baseline's, though as many"
    if measured.protocol and baseline.protocol and measured.protocol != baseline.protocol:
        return False, "another protocol than the baseline's: other scales, pooling, resampling or input"
    better = [k for k, change in changes.items() if change < -allowed]
    if both_ways and better:
        return (
            False,
            f"better: top-{better[0]} error {changes[better[0]]:+.2f} points; renew the baseline with --update",
        )
    return True, f"within {tolerance:g} points: {changes[1]:+.2f} / {changes[5]:+.2f}" if any(
        changes.values()
    ) else "equal"


def paired(
    verdicts: Sequence[Verdict],
    measured: Sequence[Run],
    baselines: Sequence[Run],
    alpha: float,
    *,
    both_ways: bool = False,
) -> list[Verdict]:
    """The verdicts with those failed whose images say so: worse (or, with `both_ways`, other), and with p below `alpha` in
    an exact paired test (McNemar).
    """
    ours, theirs = (
        {(run.manifest["model"]["name"], protocol): run for run in runs for protocol in run.protocols}
        for runs in (measured, baselines)
    )
    return [
        _paired(
            verdict,
            theirs[verdict.model, verdict.protocol],
            ours[verdict.model, verdict.protocol],
            alpha,
            both_ways,
        )
        if verdict.passed
        else verdict
        for verdict in verdicts
    ]


def _paired(verdict: Verdict, baseline: Run, measured: Run, alpha: float, both_ways: bool) -> Verdict:
    try:
        found = compare(baseline, measured, verdict.protocol, verdict.image_set)
    except RunError as error_:
        return replace(verdict, passed=False, why=str(error_))
    lost, gained = found.only_a_right, found.only_b_right
    if found.p_value < alpha and (lost > gained or both_ways):
        word = "worse" if lost > gained else "better"
        return replace(
            verdict,
            passed=False,
            why=f"{word}: {lost} images lost, {gained} gained, p = {found.p_value:.2g} < {alpha:g}",
        )
    return verdict


def junit(verdicts: Sequence[Verdict], baseline: str) -> bytes:
    """The verdicts as JUnit XML, a test case for each row."""
    from xml.etree.ElementTree import Element, SubElement, tostring

    failed = sum(not verdict.passed for verdict in verdicts)
    suite = Element(
        "testsuite",
        name=f"inception-bench check against {baseline}",
        tests=str(len(verdicts)),
        failures=str(failed),
    )
    for verdict in verdicts:
        case = SubElement(suite, "testcase", classname=_xml(verdict.model), name=_xml(verdict.name))
        if not verdict.passed:
            SubElement(case, "failure", message=_xml(verdict.why)).text = _xml(
                f"{verdict.name}: {verdict.why}"
            )
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _xml(text: str) -> str:
    """Without the control characters that XML cannot have."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def markdown(verdicts: Sequence[Verdict], baseline: str) -> str:
    """The verdicts as a summary in Markdown, those that failed first."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    count = f"{len(failed)} of {len(verdicts)} rows fail" if failed else f"all {len(verdicts)} rows pass"
    rows = [("row", "baseline", "measured", "verdict"), ("---", "---:", "---:", "---")]
    ordered = sorted(verdicts, key=lambda verdict: verdict.passed)
    rows += [
        (verdict.name, shown(verdict.baseline), shown(verdict.measured), verdict.why) for verdict in ordered
    ]
    return "\n".join(
        [f"### inception-bench check: {count} against {escape(baseline)}", "", *map(row_of, rows), ""]
    )


def shown(errors: tuple[float, float] | None) -> str:
    return "-" if errors is None else f"{errors[0]:.2f} / {errors[1]:.2f}"
