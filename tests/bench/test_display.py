import io

import pytest
from rich.console import Console as RichConsole

from bench.display import Console
from bench.progress import Done, Tally

LONG = "evaluating timm/eva02_large_patch14_448.mim_m38m_ft_in22k_in1k and another name as long as that"


def test_note_is_one_printable_line(capsys):
    with Console() as console:
        console.note("the class \x1b[31mcat\n::error::dog has no image")
    assert capsys.readouterr().err == "note: the class \\x1b[31mcat ::error::dog has no image\n"


def test_without_a_terminal_a_line_says_what_is_done_and_of_which_part(capsys):
    with Console() as console:
        with console.part(2, 4):
            console.step("loading v3")
            with console.part(1, 1):
                console.step("evaluating v3")
            console.start(3, Done(images=2, judged=2, right=1))
            console.advance(Done(images=1, crops=1, judged=1, right=1))
        console.step("finished")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["2 of 4: loading v3", "2 of 4: evaluating v3"]
    assert lines[2].startswith("2 of 4: evaluating v3: 3 images in 0 s, ")
    assert lines[2].endswith(", top-1 error 33.3 %")
    assert lines[3:] == ["finished"]


def test_download_ends_with_a_line_of_its_size(capsys):
    with Console() as console:
        console.step("fetching v3")
        console.receive(40_000_000, 90_000_000)
        console.receive(90_000_000, 90_000_000)
        console.receive(90_000_000, 90_000_000, finished=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fetching v3"
    assert [line.startswith("fetching v3: 90.0 MB in 0 s, ") for line in lines[1:]] == [True]


@pytest.fixture
def drawn(monkeypatch):
    """What a terminal of so many columns shows of a console, without its escapes."""

    def draw(console, columns):
        terminal = RichConsole(file=io.StringIO(), width=columns, force_terminal=True, color_system=None)
        terminal.print(console._render())
        return terminal.file.getvalue().splitlines()

    return draw


@pytest.mark.parametrize("columns", [80, 200])
def test_bar_fits_a_terminal_with_all_that_is_counted(drawn, columns):
    console = Console()
    console._step = LONG
    console._count = tally_after_an_hour()
    title, bar = drawn(console, columns)
    assert len(title) <= columns
    assert title.rstrip().endswith("…" if columns == 80 else LONG[-5:])
    assert len(bar.rstrip()) == columns
    counts, rate, left, error = bar.lstrip("━╸╺ ").split("  ")
    assert (counts, rate, error) == ("500,000/1,281,167", "20,000 crops/s", "top-1 error 22.0 %")
    assert left.startswith("1:33:")
    assert left.endswith(" left")


def tally_after_an_hour():
    tally = Tally(1_281_167, Done())
    tally.since = Done(images=500_000, crops=72_000_000, judged=500_000, right=390_000)
    tally.began -= 3600
    return tally


def test_step_that_counts_nothing_is_shown_with_its_time(drawn):
    console = Console()
    console._step = "loading v3"
    assert drawn(console, 80)[0].rstrip() == "loading v3  0:00:00"
