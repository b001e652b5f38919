"""The page in a browser: charts are drawn, all can be used without a mouse, and axe-core finds nothing."""

from dataclasses import replace

import pytest

from results.ensemble import ensemble
from results.report import html
from results.run import write_manifest
from tests.helpers import random_run
from tests.results.report.html.conftest import violations

HOSTILE = "</script><img src=x onerror=alert(1)>"
CLASSES = [f"class {number}" for number in range(10)]

FOCUSABLE = "a[href], button, input, select, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file of a page of two runs and their ensemble, with pictures."""
    folder = tmp_path_factory.mktemp("page")
    runs = [random_run(folder / f"run{seed}", seed) for seed in range(2)]
    dot = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    path = folder / "page.html"
    path.write_text(html.write([*runs, ensemble(runs, folder)], CLASSES, lambda image: dot))
    return path


def wait_for_charts(page):
    page.wait_for_function("document.querySelectorAll('.chart svg').length == 5")


@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_nothing_and_charts_are_drawn(open_page, written, width):
    page = open_page(written, width)
    wait_for_charts(page)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert (theme, violations(page)) == (theme, [])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    widths = page.evaluate("[...document.querySelectorAll('.chart svg')].map(chart => chart.clientWidth)")
    assert all(300 < chart < 780 for chart in widths)


def test_charts_follow_the_theme_while_they_are_open(open_page, written):
    page = open_page(written)
    wait_for_charts(page)
    colour = "getComputedStyle(document.querySelector('.chart .mark-symbol path')).fill"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert (light, page.evaluate(colour)) == ("rgb(31, 111, 180)", "rgb(108, 179, 240)")


def test_mouse_on_a_point_shows_its_figures(open_page, written):
    page = open_page(written)
    wait_for_charts(page)
    point = page.locator(".chart [aria-roledescription=point]").first
    point.hover()
    tooltip = page.locator("#vg-tooltip-element")
    assert tooltip.text_content() == point.get_attribute("aria-label")
    assert tooltip.text_content().startswith("net0, 1: ")


def test_names_do_nothing_on_the_page_in_charts_and_in_tooltips(open_page, tmp_path):
    run = random_run(tmp_path / "run", 1)
    model = replace(run.manifest.model, name=HOSTILE)
    hostile = write_manifest(run.path, replace(run.manifest, model=model))
    page = open_page(html.write([hostile], [HOSTILE] * 10))
    page.wait_for_function("document.querySelectorAll('.chart svg').length == 3")
    page.locator(".chart [aria-roledescription=point]").first.hover()
    assert page.locator("#vg-tooltip-element").text_content().startswith(f"{HOSTILE}, 1: ")
    assert page.locator("img").count() == 0
    assert page.locator(".chart text").filter(has_text=HOSTILE).count() > 0


def test_tab_reaches_everything_and_shows_where_it_is(open_page, written):
    page = open_page(written)
    wait_for_charts(page)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    expected = page.locator(FOCUSABLE).count()
    seen = []
    for _ in range(expected):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "[[...document.querySelectorAll('*')].indexOf(document.activeElement),"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    assert len({number for number, _ in seen}) == expected
    assert {outline for _, outline in seen} == {"solid"}


def test_first_tab_leads_past_the_contents(open_page, written):
    page = open_page(written)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_heading_sorts_its_column_with_the_keyboard(open_page, written):
    """Numbers downwards first and upwards then, names upwards first."""
    page = open_page(written)
    page.locator("#classes summary").press("Enter")

    def column(number):
        page.locator("#by-class button").nth(number).press("Enter")
        value = f"row.cells[{number}].dataset.value ?? row.cells[{number}].textContent"
        return page.evaluate(f"[...document.querySelectorAll('#by-class tbody tr')].map(row => {value})")

    down, up, names = ([float(each) for each in column(1)], [float(each) for each in column(1)], column(0))
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert names == sorted(names)
    assert page.locator("#by-class th").first.get_attribute("aria-sort") == "ascending"
