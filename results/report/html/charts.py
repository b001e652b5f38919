"""Charts of errors as SVG: lines of points over an axis, with their intervals and their names.

`page_chart` is for the HTML page, whose style has the colours. `file_chart` is a file of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from results.text import printable

WIDTH, HEIGHT = 680, 340
"""Of a chart, in the units of SVG."""

LEFT, RIGHT, TOP, BOTTOM = 52, 170, 12, 46
"""Margins around the lines. The names of the lines are in the right one."""

TITLE_HEIGHT = 34
"""Above the chart, in a file of its own."""

COLOURS = ("#1f6fb4", "#b45309", "#15803d", "#9333a8", "#be123c", "#0f766e")
"""Of the classes c0 to c5 in a file. The page gives these classes its own colours, light or dark."""

STYLE = "".join(
    (
        "text { fill: #333; font: 13px sans-serif; } .title { font-weight: bold; } ",
        ".grid, .leader { stroke: #ddd; } .bar { opacity: .6; } polyline { fill: none; stroke-width: 2; } ",
        *(f"line.c{i}, polyline.c{i} {{ stroke: {colour}; }} " for i, colour in enumerate(COLOURS)),
        *(f"circle.c{i}, text.c{i} {{ fill: {colour}; }} " for i, colour in enumerate(COLOURS)),
    )
)


@dataclass(frozen=True)
class Point:
    """A measured error."""

    x: float
    """Where it is on the horizontal axis."""
    error: float
    """In percent."""
    low: float
    """The lower end of its interval, in percent; equal to `error` where no interval is drawn."""
    high: float
    text: str
    """What is shown when the mouse is on it."""


@dataclass(frozen=True)
class Line:
    """Points in their order from left to right."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Tick:
    """A number on the horizontal axis, as text. It is left out where it would touch the one before."""

    x: float
    text: str


@dataclass(frozen=True)
class _Axis:
    """A map from values between `first` and `last`, after `scale`, to lengths between `start` and `end`."""

    first: float
    last: float
    start: float
    end: float
    scale: Callable[[float], float] = float

    def at(self, value: float) -> float:
        share = (self.scale(value) - self.first) / (self.last - self.first)
        return self.start + (self.end - self.start) * share


def page_chart(
    title: str,
    axis: str,
    lines: Sequence[Line],
    ticks: Sequence[Tick],
    scale: Callable[[float], float] = log10,
) -> str:
    """An <svg> element for the HTML page: errors over an axis, which is called `axis`, after `scale`."""
    content = _content(axis, lines, ticks, scale)
    start = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_escape(title)}">'
    return "\n".join([start, *content, "</svg>"])


def file_chart(title: str, axis: str, lines: Sequence[Line], ticks: Sequence[Tick]) -> str:
    """An SVG file: errors over a linear axis, which is called `axis`."""
    height = HEIGHT + TITLE_HEIGHT
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 {-TITLE_HEIGHT} {WIDTH} {height}">'
    )
    frame = [
        f"<style>{STYLE}</style>",
        f'<rect y="{-TITLE_HEIGHT}" width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text class="title" x="{LEFT}" y="-10">{_escape(title)}</text>',
    ]
    return "\n".join([start, *frame, *_content(axis, lines, ticks, float), "</svg>", ""])


def _content(
    axis: str, lines: Sequence[Line], ticks: Sequence[Tick], scale: Callable[[float], float]
) -> list[str]:
    """The elements of a chart."""
    points = [point for line in lines for point in line.points]
    places = [scale(x) for x in (*(point.x for point in points), *(tick.x for tick in ticks))]
    first, last = min(places), max(max(places), min(places) + 0.1)
    across = _Axis(first, last, LEFT + 14, WIDTH - RIGHT - 14, scale)
    levels = _levels(min(point.low for point in points), max(point.high for point in points))
    up = _Axis(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    elements = [*_grid(levels, up), *_ticks(ticks, across)]
    middle = (LEFT + WIDTH - RIGHT) / 2
    elements.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{_escape(axis)}</text>')
    for number, line in enumerate(lines):
        elements += _line(line, f"c{number % len(COLOURS)}", across, up)
    return elements + _names(lines, across, up)


def _escape(text: str) -> str:
    """The text as SVG has it."""
    return escape(printable(text))


def _levels(low: float, high: float) -> range:
    """Round errors that have a horizontal line each, at most ten, around all that is drawn.

    >>> list(_levels(17.9, 26.2))
    [16, 18, 20, 22, 24, 26, 28]
    """
    bottom, top = floor(low), ceil(high)
    step = next(step for step in (1, 2, 5, 10, 20, 50) if (top - bottom) / step <= 8)
    first, last = step * floor(bottom / step), step * ceil(top / step)
    return range(first, max(last, first + step) + 1, step)


def _grid(levels: range, up: _Axis) -> list[str]:
    elements = []
    for level in levels:
        y = up.at(level)
        elements.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        elements.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level} %</text>')
    return elements


def _ticks(ticks: Sequence[Tick], across: _Axis) -> list[str]:
    elements = []
    free = 0.0
    for tick in ticks:
        x = across.at(tick.x)
        if x >= free:
            text = _escape(tick.text)
            elements.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{text}</text>'
            )
            free = x + 40
    return elements


def _line(line: Line, colour: str, across: _Axis, up: _Axis) -> list[str]:
    """The line through the points, and each point with its interval."""
    elements = []
    if len(line.points) > 1:
        path = " ".join(f"{across.at(point.x):.1f},{up.at(point.error):.1f}" for point in line.points)
        elements.append(f'<polyline class="{colour}" points="{path}"/>')
    for point in line.points:
        x, y = f"{across.at(point.x):.1f}", f"{up.at(point.error):.1f}"
        if point.low < point.high:
            low, high = f"{up.at(point.low):.1f}", f"{up.at(point.high):.1f}"
            elements.append(f'<line class="{colour} bar" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>')
        title = f"<title>{_escape(point.text)}</title>"
        elements.append(f'<circle class="{colour}" cx="{x}" cy="{y}" r="4">{title}</circle>')
    return elements


def _names(lines: Sequence[Line], across: _Axis, up: _Axis) -> list[str]:
    """The lines' names at the right, each at the height of its last point, with a leader to that point.

    Names that would touch are moved apart.
    """
    ends = [line.points[-1] for line in lines]
    order = sorted(range(len(lines)), key=lambda number: (up.at(ends[number].error), ends[number].x))
    heights = _apart([up.at(ends[number].error) for number in order])
    left = WIDTH - RIGHT + 12
    elements = []
    for number, height in zip(order, heights, strict=True):
        line, end = lines[number], ends[number]
        text = line.name if len(line.name) <= 20 else line.name[:19] + "\N{HORIZONTAL ELLIPSIS}"
        elements.append(
            f'<line class="leader" x1="{across.at(end.x) + 7:.1f}" y1="{up.at(end.error):.1f}" '
            f'x2="{left - 3}" y2="{height:.1f}"/>'
        )
        elements.append(
            f'<text class="name c{number % len(COLOURS)}" x="{left}" y="{height + 4:.1f}">'
            f"{_escape(text)}<title>{_escape(line.name)}</title></text>"
        )
    return elements


def _apart(heights: Sequence[float], gap: float = 15.0) -> list[float]:
    """Sorted heights, moved so that neighbours are at least `gap` apart and all are inside the chart.

    >>> _apart([100.0, 102.0, 200.0])
    [100.0, 115.0, 200.0]
    """
    moved = list(heights)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    moved[-1] = min(moved[-1], HEIGHT - 12.0)
    for i in reversed(range(len(moved) - 1)):
        moved[i] = min(moved[i], moved[i + 1] - gap)
    return moved
