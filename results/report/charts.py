"""The pictures of the HTML page, as SVG that takes its colours from the page: errors in percent over a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 340, 52, 170, 12, 46
COLOURS = 6
"""Classes c0 to c5 of the page's style."""


@dataclass(frozen=True)
class Point:
    """A measured error: where it stands on the axis, the error, its interval, and what is said when it is pointed at."""

    x: float
    error: float
    low: float
    high: float
    text: str


def draw(
    title: str, axis: str, series: Sequence[tuple[str, Sequence[Point]]], ticks: Sequence[tuple[float, str]]
) -> str:
    """A line with intervals for each of `series` (name, points), a single point as a mark; names stand beside the last.

    `ticks` are the places on the axis that may have a number, and that number.
    """
    points = [point for _, line in series for point in line]
    places = [log10(x) for x in (*(point.x for point in points), *(x for x, _ in ticks))]
    first, last = min(places), max(max(places), min(places) + 0.1)
    bottom, top = floor(min(point.low for point in points)), ceil(max(point.high for point in points))
    step = next(step for step in (1, 2, 5, 10, 20, 50) if (top - bottom) / step <= 8)
    bottom, top = step * floor(bottom / step), step * ceil(top / step)

    def x(value: float) -> float:
        return LEFT + 14 + (WIDTH - LEFT - RIGHT - 28) * (log10(value) - first) / (last - first)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / (top - bottom)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for level in range(bottom, top + 1, step):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y(level) + 4:.1f}" text-anchor="end">{level} %</text>')
    free = 0.0
    for tick, text in ticks:
        if x(tick) >= free:  # a number that would touch the one before is left out
            parts.append(
                f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(text)}</text>'
            )
            free = x(tick) + 40
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axis)}</text>'
    )
    labels: list[tuple[float, float, int, str]] = []
    for number, (name, line) in enumerate(series):
        colour = f"c{number % COLOURS}"
        if len(line) > 1:
            path = " ".join(f"{x(point.x):.1f},{y(point.error):.1f}" for point in line)
            parts.append(f'<polyline class="{colour}" points="{path}"/>')
        for point in line:
            at = f"{x(point.x):.1f}"
            parts.append(
                f'<line class="{colour} bar" x1="{at}" x2="{at}" y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
            )
            parts.append(
                f'<circle class="{colour}" cx="{at}" cy="{y(point.error):.1f}" r="4"><title>{escape(point.text)}</title></circle>'
            )
        labels.append((y(line[-1].error), x(line[-1].x), number % COLOURS, name))
    parts += _names(labels)
    return "\n".join([*parts, "</svg>"])


def _names(labels: list[tuple[float, float, int, str]]) -> list[str]:
    """Names right of the picture at the heights of their last points, moved apart where they would touch, with a leader."""
    parts = []
    labels = sorted(labels)
    places = [height for height, *_ in labels]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + 15)
    places[-1] = min(places[-1], HEIGHT - 12.0)
    for i in reversed(range(len(places) - 1)):
        places[i] = min(places[i], places[i + 1] - 15)
    for (height, across, colour, name), lowest in zip(labels, places, strict=True):
        text = name if len(name) <= 20 else name[:19] + "\N{HORIZONTAL ELLIPSIS}"
        left = WIDTH - RIGHT + 12
        parts.append(
            f'<line class="leader" x1="{across + 7:.1f}" y1="{height:.1f}" x2="{left - 3}" y2="{lowest:.1f}"/>'
        )
        parts.append(
            f'<text class="name c{colour}" x="{left}" y="{lowest + 4:.1f}">{escape(text)}<title>{escape(name)}</title></text>'
        )
    return parts
