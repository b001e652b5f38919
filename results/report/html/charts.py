"""Charts of errors in Vega-Lite: lines of points over an axis, with their intervals and their names.

`page_chart` is for the HTML page, whose style has the colours. `file_chart` is a file of its own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from results.text import printable

if TYPE_CHECKING:
    import altair as alt

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
    specification: dict[str, Any]
    """In Vega-Lite."""


def page_chart(title: str, axis: str, lines: Sequence[Line], scale: Literal["steps", "log"]) -> Chart:
    """Top-1 errors over an axis, as wide as the chart's place on the HTML page.

    `steps` has the numbers at equal distances, and the points of different lines at a number side by side.
    """
    import altair as alt

    vertical = "top-1 error, %"
    x = (
        alt.X("x:O", title=axis, axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.2))
        if scale == "steps"
        else alt.X("x:Q", title=axis, scale=alt.Scale(type="log", nice=False, padding=24))
    )
    y = alt.Y("error:Q", title=vertical, scale=alt.Scale(zero=False))
    layers = draw(lines, x, y, side_by_side=scale == "steps")
    return Chart(title, axis, vertical, lines, for_page(title, layers))


def file_chart(title: str, axis: str, lines: Sequence[Line]) -> str:
    """An SVG file: errors over a linear axis of whole numbers."""
    import altair as alt
    import vl_convert

    x = alt.X(
        "x:Q",
        title=printable(axis),
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(zero=False, nice=False, padding=14),
    )
    y = alt.Y("error:Q", title="error, %", scale=alt.Scale(zero=False))
    chart = alt.layer(*draw(lines, x, y)).properties(width=500, height=HEIGHT, title=printable(title))
    config = _config(COLOURS, paper="white", ink="#333", grid="#ddd")
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict(), config=config)
    return svg + "\n"


def for_page(title: str, layers: "Sequence[alt.Chart]") -> dict[str, Any]:
    """The specification of a chart with the colours of the page's style, light or dark."""
    import altair as alt

    chart = alt.layer(*layers).properties(width="container", height=HEIGHT, description=printable(title))
    colours = [f"var(--c{number})" for number in range(len(COLOURS))]
    return {
        **chart.to_dict(),
        "config": _config(colours, paper="transparent", ink="var(--soft)", grid="var(--line)"),
    }


def runtime() -> str:
    """The JavaScript that draws the charts of a page: Vega, Vega-Lite and Vega-Embed."""
    import vl_convert

    script: str = vl_convert.javascript_bundle()
    return script


def draw(lines: Sequence[Line], x: "alt.X", y: "alt.Y", *, side_by_side: bool = False) -> "list[alt.Chart]":
    """The intervals, the lines and the points, over axes of the points' `x` and `error`."""
    import altair as alt

    values = [
        {**asdict(point), "line": printable(line.name), "text": printable(point.text)}
        for line in lines
        for point in line.points
    ]
    options: dict[str, Any] = {"sort": None, "title": None}
    stroke = alt.Stroke("line:N", legend=None, **options)  # the legend is that of the points
    chart = alt.Chart(alt.InlineData(values=values)).encode(x=x, y=y, stroke=stroke, description="text:N")
    if side_by_side:
        chart = chart.encode(xOffset=alt.XOffset("line:N", sort=None))
    columns = 2 if max(len(line.name) for line in lines) <= 20 else 1
    options["legend"] = alt.Legend(orient="bottom", columns=columns, symbolSize=80)
    return [
        chart.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y="low:Q", y2="high:Q", tooltip="text:N"),
        chart.mark_line(strokeWidth=2, aria=False),
        chart.mark_point(size=60, opacity=1).encode(
            stroke=alt.value(None),
            fill=alt.Fill("line:N", **options),
            shape=alt.Shape("line:N", **options),
            tooltip="text:N",
        ),
    ]


def _config(colours: Sequence[str], *, paper: str, ink: str, grid: str) -> dict[str, Any]:
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
