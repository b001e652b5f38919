"""Names of images cannot become markup, formulas, rows or lines, nor act on the terminal."""

import csv
import html
import io
from dataclasses import dataclass

import pytest

import bench
from tests.conftest import TINY, drawn
from tests.helpers import cli


@dataclass(frozen=True)
class HostileName:
    """The name of an image that does harm where it is copied as it is."""

    harm: str
    name: str
    cell: str = ""
    """In a CSV, where that is not the name."""
    quoted: str = ""
    """In a message, where that is not the name."""

    def __str__(self) -> str:
        return self.harm


NAMES = [
    HostileName("markup-of-the-console", "[red]x[bold].jpg"),
    HostileName("script", "<script>alert(1)<script>.jpg"),
    HostileName("html", "<img src=x onerror=alert(1)>.jpg"),
    HostileName("template", "{{7*7}}.jpg"),
    HostileName("latex", "$x^2$ & 5%_#~.jpg"),
    HostileName("comma-and-quotes", 'a,"b"\'c.jpg'),
    HostileName("formula", "=1+1.jpg", cell="'=1+1.jpg"),
    HostileName("formula-with-at", "@SUM(A1).jpg", cell="'@SUM(A1).jpg"),
    HostileName("formula-with-minus", "-2+3.jpg", cell="'-2+3.jpg"),
    HostileName("formula-with-plus", "+1.jpg", cell="'+1.jpg"),
    HostileName("tab", "\tTab.jpg", cell="'\tTab.jpg", quoted=r"'\tTab.jpg'"),
    HostileName("carriage-return", "\rcr.jpg", cell=r"'\rcr.jpg", quoted=r"'\rcr.jpg'"),
    HostileName("newline", "line\nbreak.jpg", quoted=r"'line\nbreak.jpg'"),
    HostileName("colour-of-the-terminal", "\x1b[31mred.jpg", quoted=r"'\x1b[31mred.jpg'"),
    HostileName("no-utf-8", "\udcff.jpg", quoted=r"'\udcff.jpg'"),
]


def save_image(folder, name):
    folder.mkdir(exist_ok=True)
    drawn(40, 30).save(folder / "plain.jpg")  # Pillow takes no name that is not UTF-8
    return (folder / "plain.jpg").rename(folder / name)


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_weights):
    """A run on images with all of these names."""
    folder = tmp_path_factory.mktemp("names")
    for case in NAMES:
        save_image(folder / "images", case.name)
    (folder / "labels.txt").write_text("0\n" * len(NAMES))
    weights, data = str(tiny_weights), folder / "images"
    return bench.evaluate(model=TINY, weights=weights, data=data, out=folder / "runs")


def read_text(path):
    """The text of a file in which there are names that are not UTF-8."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def test_predictions_have_a_row_for_each_name_and_no_formula(run, tmp_path):
    cli("predictions", run.path, "-o", tmp_path / "predictions.csv")
    text = read_text(tmp_path / "predictions.csv")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert sorted(row[0] for row in rows[1:]) == sorted(case.cell or case.name for case in NAMES)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_page_has_no_markup_of_a_name(run, tmp_path):
    cli("report", run.path, "-o", tmp_path / "page.html")
    page = read_text(tmp_path / "page.html")
    for name in ("<script>alert(1)<script>.jpg", "<img src=x onerror=alert(1)>.jpg"):
        assert name not in page
        assert html.escape(name) in page


@pytest.mark.parametrize("case", NAMES, ids=str)
def test_message_has_the_name_on_one_line(eval_refusal, tmp_path, case):
    save_image(tmp_path / "images", case.name).write_bytes(b"x")
    (tmp_path / "labels.txt").write_text("0\n")
    line = eval_refusal("--data", tmp_path / "images")
    assert line.startswith(
        f"{case.quoted or case.name} in {tmp_path}/images: this is not an image of a known format"
    )
