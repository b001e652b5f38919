"""What is said on a terminal of runs side by side: comparisons, the gate, ensembles that grow, a paper's table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from results.baseline import Verdict
from results.baseline import shown as errors_of
from results.comparison import Comparison
from results.report.cells import duration
from results.report.terminal import console
from results.run import Run


def show_comparison(found: Comparison, runs: Sequence[Run], protocol: str, image_set: str) -> None:
    """Print what two runs differ in, top-1, under one protocol; and the ten classes with the greatest change."""
    out = console()
    names = [
        f"{letter}: {run.manifest['model']['name']} ({run.path})"
        for letter, run in zip("ab", runs, strict=True)
    ]
    out.print(
        *names, f"{protocol} crops, {image_set}, n = {found.n:,}", sep="\n", markup=False, soft_wrap=True
    )
    low, high = found.interval
    change = found.top1_error[1] - found.top1_error[0]
    errors = f"{found.top1_error[0]:.2f} -> {found.top1_error[1]:.2f}, difference {change:+.2f} [{low:+.2f}, {high:+.2f}]"
    flips = f"only a is right on {found.only_a_right:,} images, only b on {found.only_b_right:,}"
    out.print(
        f"top-1 error: {errors}", f"{flips}; exact McNemar p = {found.p_value:.3g}", sep="\n", markup=False
    )
    classes = found.classes()
    if len(classes):
        own = runs[0].manifest["data"].get("classes")
        shown = Table(title="classes that changed most", title_justify="left", title_style="bold")
        for name in ("class", "n", "gained by b", "lost by b"):
            shown.add_column(name, justify="left" if name == "class" else "right")
        for row in classes.head(10).to_dict("records"):
            shown.add_row(
                escape(own[row["label"]] if own else str(row["label"])),
                *(f"{row[key]:,}" for key in ("n", "gained", "lost")),
            )
        out.print(shown)


def show_verdicts(verdicts: Sequence[Verdict], baseline: str) -> None:
    """Print the verdicts of the gate: a line each, and whether all passed."""
    shown = Table(title=escape(f"against {baseline}"), title_justify="left", title_style="bold")
    for name in ("", "model", "protocol", "images", "baseline", "measured", "verdict"):
        shown.add_column(
            name, justify="right" if name in ("baseline", "measured") else "left", overflow="fold"
        )
    for verdict in verdicts:
        mark = "[green]pass[/]" if verdict.passed else "[bold red]FAIL[/]"
        cells_ = (
            verdict.model,
            verdict.protocol,
            verdict.image_set,
            errors_of(verdict.baseline),
            errors_of(verdict.measured),
            verdict.why,
        )
        shown.add_row(mark, *map(escape, cells_))
    failed = sum(not verdict.passed for verdict in verdicts)
    console().print(
        shown,
        f"{failed} of {len(verdicts)} rows fail" if failed else f"all {len(verdicts)} rows pass",
        sep="\n",
    )


def show_growth(steps: pd.DataFrame, members: Sequence[str]) -> None:
    """Print how the error falls with networks and crops, as GoogLeNet's Table 3 does."""
    out = console()
    for image_set, rows in steps.groupby("image_set", sort=False):
        shown = Table(
            title=escape(f"{image_set}: n = {rows['n'].iloc[0]:,}"), title_justify="left", title_style="bold"
        )
        for name in ("networks", "crops", "cost", "top-1 error", "to base", "top-5 error", "to base"):
            shown.add_column(name, justify="right")
        for row in rows.to_dict("records"):
            first = (
                row["top1_to_base"] == row["top5_to_base"] == 0
                and row["networks"] == 1
                and row["protocol"] == rows["protocol"].iloc[0]
            )
            changes = ["base" if first else f"{row[key]:+.2f}" for key in ("top1_to_base", "top5_to_base")]
            errors = [f"{row[key]:.2f}" for key in ("top1_error", "top5_error")]
            shown.add_row(
                str(row["networks"]),
                str(row["protocol"]),
                f"{row['cost']:,}",
                errors[0],
                changes[0],
                errors[1],
                changes[1],
            )
        out.print(shown)
    out.print("members, in the order they are added:", ", ".join(members), markup=False, soft_wrap=True)


def show_reproduction(records: Sequence[Mapping[str, Any]]) -> None:
    """Print each table with the paper's figures and ours: top-1 / top-5 errors, differences, and the verdicts below."""
    out = console()
    for name in dict.fromkeys(record["table"] for record in records):
        shown = Table(title=escape(name), title_justify="left", title_style="bold", show_lines=True)
        for heading in (
            "network",
            "crops",
            "images",
            "published",
            "measured",
            "difference",
            "these weights",
            "verdict",
        ):
            shown.add_column(
                heading,
                justify="right" if heading in ("published", "measured", "difference") else "left",
                overflow="fold",
            )
        for record in records:
            if record["table"] == name:
                number = (
                    f" x {record['networks']}"
                    if record["networks"] not in ("", "1") and "+" not in record["model"]
                    else ""
                )
                shown.add_row(
                    escape(record["network"] + number), record["protocol"], record["image_set"],
                    _pair(record, "published"), _intervals(record), _pair(record, "difference", "+.2f"),
                    _pair(record, "weights"), escape(record["verdict"]),
                )  # fmt: skip
        out.print(shown)
        for record in records:
            if record["table"] == name and record["note"]:
                out.print(
                    f"{record['network']}, {record['protocol']} crops: {record['note']}",
                    markup=False,
                    soft_wrap=True,
                )
    out.print("Errors in percent, top-1 / top-5, with 95 % Wilson intervals.")


def _pair(record: Mapping[str, Any], what: str, form: str = ".2f") -> str:
    values = [record[f"{what}_{k}"] for k in ("top1", "top5")]
    words = ["-" if value is None or pd.isna(value) else format(value, form) for value in values]
    return "-" if words == ["-", "-"] else " / ".join(words)


def _intervals(record: Mapping[str, Any]) -> str:
    if record["n"] is None:
        return "-"
    lines = [
        f"{record[f'{k}_error']:.2f} [{record[f'{k}_low']:.2f}, {record[f'{k}_high']:.2f}]"
        for k in ("top1", "top5")
    ]
    return "\n".join([*lines, f"n = {record['n']:,}"]).replace("[", "\\[")


def show_estimate(listed: Sequence[Mapping[str, Any]], without: Sequence[Mapping[str, str]]) -> None:
    """Print what would run, and which rows would not."""
    shown = Table("network", "weights", "crops", "images", "crops in all", "multiply-adds", "about")
    for one in listed:
        cost = f"{one['multiply_adds'] / 1e15:,.3g} P"
        numbers = (f"{one['images']:,}", f"{one['crops_in_all']:,}", cost, duration(one["seconds"]))
        shown.add_row(one["network"], escape(one["weights"]), one["crops"], *numbers)
    out = console()
    out.print(
        shown,
        f"in all about {duration(sum(one['seconds'] for one in listed))} here, the slowest stages alone",
        sep="\n",
    )
    for row in without:
        out.print(f"not run: {row['network']}: {row['why']}", markup=False, soft_wrap=True)
