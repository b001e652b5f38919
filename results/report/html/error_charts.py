"""The charts of errors: over the number of crops, and over the cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from results.report.html.charts import Chart, Line, Point, page_chart
from results.run import Run

Rows = Sequence[Mapping[Any, Any]]
"""A run's rows of the table, on all images."""


def crops_chart(measured: Sequence[Rows], runs: Sequence[Run], titles: Sequence[str]) -> Chart | None:
    """Top-1 error over the number of crops, without dense evaluation. None where that leaves nothing."""
    lines = []
    for rows, run, title in zip(measured, runs, titles, strict=True):
        protocols = run.manifest.plan.protocols
        points = [
            _point(row, protocols[row["protocol"]].crops, title) for row in rows if row["protocol"] != "dense"
        ]
        if points:
            lines.append(Line(title, sorted(points, key=lambda point: point.x)))
    return page_chart("Top-1 error over the number of crops", "crops", lines, "steps") if lines else None


def cost_chart(measured: Sequence[Rows], runs: Sequence[Run], titles: Sequence[str]) -> Chart | None:
    """Top-1 error of each run's last protocol over the multiply-adds of one crop through all its networks.

    None where no run knows them.
    """
    lines = []
    for rows, run, title in zip(measured, runs, titles, strict=True):
        multiply_adds = run.manifest.model.multiply_adds
        if multiply_adds:
            billions = multiply_adds / 1e9
            lines.append(Line(title, [_point(rows[-1], billions, f"{title}, {billions:.3g} G")]))
    if not lines:
        return None
    return page_chart("Top-1 error over multiply-adds", "billion multiply-adds a crop", lines, "log")


def _point(row: Mapping[Any, Any], x: float, title: str) -> Point:
    error, low, high = row["top1_error"], row["top1_low"], row["top1_high"]
    return Point(x, error, low, high, f"{title}, {row['protocol']}: {error:.2f} % [{low:.2f}, {high:.2f}]")
