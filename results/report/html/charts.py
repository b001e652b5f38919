"""Charts of errors in Vega-Lite: lines of points over an axis, with their intervals and their names.

`page_chart` is for the HTML page, whose style has the colours. `file_chart` is a file of its own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from results.text import printable

Json = dict[str, Any]
"""A part of a specification in Vega-Lite."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Says which version of Vega-Lite; nothing is fetched."""

HEIGHT = 320
"""Pixels from the lowest to the highest error."""

COLOURS = ("#1f6fb4", "#b45309", "#15803d", "#9333a8", "#be123c", "#0f766e")
"""Of the lines in a file. The page's style has its own, light and dark, as --c0 to --c5."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down")
"""Of the points. As there is one less than colours, thirty lines differ in one or the other."""


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
    images: int | None = None
    """That it is of; None where all points are of the same."""


@dataclass(frozen=True)
class Line:
    """Points in their order from left to right."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Chart:
    """A chart of the HTML page, with what it shows for a table."""

    title: str
    axis: str
    """The title of the horizontal axis."""
    vertical: str
    """That of the vertical one."""
    lines: Sequence[Line]
    specification: Json


def page_chart(title: str, axis: str, lines: Sequence[Line], scale: Literal["steps", "log"]) -> Chart:
    """Top-1 errors over an axis, as wide as the chart's place on the HTML page.

    `steps` has the numbers at equal distances, and the points of different lines at a number side by side.
    """
    vertical = "top-1 error, %"
    x: Json = {"field": "x", "title": axis}
    if scale == "steps":
        x |= {"type": "ordinal", "axis": {"labelAngle": 0}, "scale": {"padding": 0.2}}
    else:
        x |= {"type": "quantitative", "scale": {"type": "log", "nice": False, "padding": 24}}
    drawn = draw(lines, x, {"title": vertical, "scale": {"zero": False}})
    return Chart(title, axis, vertical, lines, for_page(title, drawn))


def file_chart(title: str, axis: str, lines: Sequence[Line]) -> str:
    """An SVG file: errors over a linear axis of whole numbers."""
    import vl_convert

    x = {
        "field": "x",
        "type": "quantitative",
        "title": printable(axis),
        "axis": {"tickMinStep": 1, "format": "d"},
        "scale": {"zero": False, "nice": False, "padding": 14},
    }
    specification = {
        "$schema": SCHEMA,
        "title": printable(title),
        "width": 500,
        "height": HEIGHT,
        "layer": [draw(lines, x, {"title": "error, %", "scale": {"zero": False}})],
        "config": _config(COLOURS, paper="white", ink="#333", grid="#ddd"),
    }
    return vl_convert.vegalite_to_svg(specification) + "\n"


def for_page(title: str, *layers: Json) -> Json:
    """The specification of a chart with the colours of the page's style, light or dark."""
    colours = [f"var(--c{number})" for number in range(len(COLOURS))]
    return {
        "$schema": SCHEMA,
        "description": printable(title),
        "width": "container",
        "height": HEIGHT,
        "layer": layers,
        "config": _config(colours, paper="transparent", ink="var(--soft)", grid="var(--line)"),
    }


@cache
def runtime() -> str:
    """The JavaScript that draws the charts of a page: Vega, Vega-Lite and Vega-Embed."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def draw(lines: Sequence[Line], x: Json, y: Json) -> Json:
    """The intervals, the lines and the points; `x` and `y` say how the axes are.

    The points of different lines stand side by side where `x` is ordinal.
    """
    values = [
        {**asdict(point), "line": printable(line.name), "text": printable(point.text)}
        for line in lines
        for point in line.points
    ]
    name = {"field": "line", "type": "nominal", "sort": None, "title": None}
    stroke = {**name, "legend": None}  # the legend is that of the points
    columns = 2 if max(len(line.name) for line in lines) <= 20 else 1
    named = {**name, "legend": {"orient": "bottom", "columns": columns, "symbolSize": 80}}
    text = {"field": "text", "type": "nominal"}
    y = {"field": "error", "type": "quantitative", **y}
    places = {"x": x, "y": y}
    if x["type"] == "ordinal":
        places["xOffset"] = {"field": "line", "type": "nominal", "sort": None}
    interval = {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "stroke": stroke, "tooltip": text}
    point = {"stroke": {"value": None}, "fill": named, "shape": named, "tooltip": text, "description": text}
    return {
        "data": {"values": values},
        "encoding": places,
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.6, "aria": False},
                "encoding": interval,
            },
            {"mark": {"type": "line", "strokeWidth": 2, "aria": False}, "encoding": {"stroke": stroke}},
            {"mark": {"type": "point", "size": 60, "opacity": 1}, "encoding": point},
        ],
    }


def _config(colours: Sequence[str], *, paper: str, ink: str, grid: str) -> Json:
    """Vega-Lite's configuration with these colours."""
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 13, "titleFontSize": 13}
    return {
        "background": paper,
        "font": "system-ui, sans-serif",
        "axis": {
            **text,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "titleFontWeight": "normal",
            "labelSeparation": 8,
        },
        "legend": {**text, "labelLimit": 330},
        "title": {"color": ink, "fontSize": 14},
        "view": {"stroke": None},
        "range": {"category": list(colours), "symbol": list(SHAPES)},
    }
