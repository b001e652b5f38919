import re
from xml.etree import ElementTree

import vl_convert

from results.report.html.charts import Line, Point, file_chart, page_chart, runtime

SVG = "{http://www.w3.org/2000/svg}"


def line(name, *errors, width=1.0):
    """A line over 1, 2, 3 and so on, with intervals of this width."""
    points = [
        Point(x, error, error - width / 2, error + width / 2, f"{name} {x}")
        for x, error in enumerate(errors, 1)
    ]
    return Line(name, points)


def on_page(lines, scale="steps"):
    """The elements of a chart of the page, drawn."""
    specification = page_chart("title", "crops", lines, scale).specification | {"width": 400}
    return list(ElementTree.fromstring(vl_convert.vegalite_to_svg(specification)).iter())


def places(elements):
    """(name, x, y) of each point, in the order of the lines."""
    found = []
    for element in elements:
        if element.get("aria-roledescription") == "point":
            x, y = re.fullmatch(r"translate\((.*),(.*)\)", element.get("transform")).groups()
            found.append((element.get("aria-label"), float(x), float(y)))
    return found


def test_higher_errors_are_higher_up():
    heights = [y for _, _, y in places(on_page([line("net", 20.0, 30.0, 25.0)]))]
    assert heights[1] < heights[2] < heights[0]


def test_costs_are_on_a_logarithmic_axis():
    lines = [Line("net", [Point(x, 20, 19, 21, "") for x in (1, 10, 100)])]
    first, middle, last = (x for _, x, _ in places(on_page(lines, "log")))
    assert middle - first == last - middle > 100


def test_lines_have_their_points_for_a_number_of_crops_side_by_side():
    elements = on_page([line(f"net{number}", 20.0, 20.0) for number in range(3)])
    x = {name: x for name, x, _ in places(elements)}
    assert x["net0 1"] < x["net1 1"] < x["net2 1"] < x["net0 2"] < x["net1 2"] < x["net2 2"]


def test_each_point_is_described_and_each_line_named_once():
    elements = on_page([line("one", 20.0, 30.0), line("two", 25.0)])
    assert [name for name, _, _ in places(elements)] == ["one 1", "one 2", "two 1"]
    texts = [element.text for element in elements if element.tag == f"{SVG}text"]
    assert [texts.count(name) for name in ("one", "two", "crops")] == [1, 1, 1]


def test_colours_and_shapes_of_thirty_lines_differ():
    elements = on_page([line(f"net{number}", 20.0) for number in range(30)])
    points = [each for each in elements if each.get("aria-roledescription") == "point"]
    assert len({(each.get("fill"), each.get("d")) for each in points}) == 30


def test_file_is_well_formed_and_has_each_error_and_its_interval():
    lines = [line("top-1 <error>", 60.0, 40.0, 30.0), line("top-5 & error", 30.0, 20.0, 10.0, width=0)]
    elements = list(ElementTree.fromstring(file_chart("v2 <144>", "epoch", lines)).iter())
    assert elements[0].tag == f"{SVG}svg"
    assert len(places(elements)) == 6
    (rules,) = (each for each in elements if each.get("class", "").startswith("mark-rule role-mark"))
    lengths = [abs(float(rule.get("y2"))) for rule in rules]
    assert [length > 1 for length in lengths] == [True] * 3 + [False] * 3
    texts = [each.text for each in elements if each.tag == f"{SVG}text"]
    assert {"v2 <144>", "top-1 <error>", "top-5 & error", "epoch", "1", "2", "3"} <= set(texts)


def test_single_error_without_interval_has_a_chart():
    svg = file_chart("title", "epoch", [line("net", 50.0, width=0)])
    assert "NaN" not in svg
    assert len(places(ElementTree.fromstring(svg).iter())) == 1


def test_names_in_a_file_cannot_become_markup():
    for name in ("<script>alert(1)</script>", "\udcff\x1b[31m"):
        svg = file_chart(name, name, [Line(name, [Point(1, 20, 19, 21, name)])])
        assert "<script" not in svg
        assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_runtime_can_stand_in_a_script_element():
    assert not re.search(r"</script|<!--|<script", runtime(), re.IGNORECASE)
