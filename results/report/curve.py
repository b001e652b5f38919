"""Lines over a horizontal axis as an SVG picture: errors in percent over epochs."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 60, 110, 46, 50
COLOURS = ("#1f6fb4", "#d1701f")
TEXT = 'font-family="sans-serif" font-size="13" fill="#333"'


def draw(title: str, axis: str, at: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """A picture with one line for each of `series` (name -> values in percent, one for each of `at`)."""
    low, high = min(at), max(at)
    values = [value for line in series.values() for value in line]
    bottom, top = (
        10 * floor(min(values) / 10),
        max(10 * ceil(max(values) / 10), 10 * floor(min(values) / 10) + 10),
    )

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((value - low) / (high - low) if high > low else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / (top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="26" {TEXT} font-weight="bold">{escape(title)}</text>',
    ]
    step = 10 if top - bottom <= 60 else 20
    for level in range(bottom, top + 1, step):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" y2="{y(level):.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end" {TEXT}>{level} %</text>')
    parts += [
        f'<text x="{x(place):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" {TEXT}>{place:g}</text>'
        for place in at[:: ceil(len(at) / 11)]
    ]
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle" {TEXT}>{escape(axis)}</text>'
    )
    for (name, line), colour in zip(series.items(), COLOURS, strict=False):
        places = [(f"{x(where):.1f}", f"{y(value):.1f}") for where, value in zip(at, line, strict=True)]
        points = " ".join(map(",".join, places))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across}" cy="{down}" r="2.5" fill="{colour}"/>' for across, down in places]
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{y(line[-1]) + 4:.1f}" {TEXT}>{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
