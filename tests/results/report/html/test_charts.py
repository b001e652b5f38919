import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from results.report.html.charts import HEIGHT, Line, Point, Tick, file_chart, page_chart

SVG = "{http://www.w3.org/2000/svg}"


def line(name, *errors, width=1.0):
    """A line over 1, 2, 3 and so on, with intervals of this width."""
    points = [
        Point(x, error, error - width / 2, error + width / 2, f"{name} {x}")
        for x, error in enumerate(errors, 1)
    ]
    return Line(name, points)


def test_names_are_apart_and_points_inside():
    lines = [line(f"net{number}", 20 + (number < 1) * 40 + number / 100) for number in range(9)]
    svg = page_chart("title", "axis", lines, [Tick(1.0, "1")])
    heights = sorted(float(y) for y in re.findall(r'class="name c\d" x="\d+" y="([\d.]+)"', svg))
    assert len(heights) == 9
    assert heights[-1] < HEIGHT
    assert all(b - a >= 14.9 for a, b in pairwise(heights))
    assert all(0 < float(y) < HEIGHT for y in re.findall(r'cy="([\d.]+)"', svg))


def test_page_axis_is_logarithmic_and_that_of_a_file_linear():
    lines = [Line("net", [Point(x, 20, 19, 21, "") for x in (1, 10, 100)])]
    for chart, ratio in ((page_chart, 0.5), (file_chart, 1 / 11)):
        svg = chart("title", "crops", lines, [Tick(1, "1")])
        first, middle, last = (float(x) for x in re.findall(r'cx="([\d.]+)"', svg))
        assert (middle - first) / (last - first) == pytest.approx(ratio, abs=1e-3)


def test_higher_errors_are_higher_up():
    svg = page_chart("title", "crops", [line("net", 20.0, 30.0, 25.0)], [Tick(1, "1")])
    first, second, third = (float(y) for y in re.findall(r'cy="([\d.]+)"', svg))
    assert second < third < first


def test_each_point_has_its_interval_unless_it_has_none():
    chart = page_chart("title", "crops", [line("net", 20.0, 30.0)], [Tick(1, "1")])
    assert chart.count("bar") == 2
    chart = page_chart("title", "crops", [line("net", 20.0, 30.0, width=0)], [Tick(1, "1")])
    assert chart.count("bar") == 0


def test_ticks_that_would_touch_are_left_out():
    lines = [line("net", *range(20, 50))]
    svg = file_chart("title", "epoch", lines, [Tick(x, f"tick {x}") for x in range(1, 31)])
    shown = [int(x) for x in re.findall(r">tick (\d+)<", svg)]
    assert shown[0] == 1
    assert 5 < len(shown) < 15


def test_file_is_well_formed_and_has_a_polyline_for_each_line():
    lines = [line("top-1 <error>", 60.0, 40.0, 30.0), line("top-5 & error", 30.0, 20.0, 10.0)]
    root = ElementTree.fromstring(file_chart("v2 <144>", "epoch", lines, [Tick(1, "1")]))
    assert root.tag == f"{SVG}svg"
    assert [len(each.get("points").split()) for each in root.iter(f"{SVG}polyline")] == [3, 3]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"v2 <144>", "top-1 <error>", "top-5 & error", "epoch"} <= set(texts)


def test_single_error_without_interval_has_a_chart():
    svg = file_chart("title", "epoch", [line("net", 50.0, width=0)], [Tick(1, "1")])
    assert "50 %" in svg
    assert "nan" not in svg


def test_names_cannot_become_markup():
    name = "<script>alert(1)</script>"
    for chart in (page_chart, file_chart):
        svg = chart(name, name, [Line(name, [Point(1, 20, 19, 21, name)])], [Tick(1, name)])
        assert "<script>" not in svg
