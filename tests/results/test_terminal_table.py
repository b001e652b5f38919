"""What becomes of a table where the terminal is narrow."""

from io import StringIO

import pytest
from rich.console import Console

from results.terminal_table import Column, Hanging, Noted, TerminalTable, name_cell
from results.text import COMMAND
from tests.helpers import table_cells, terminal_lines

NAME, SIZE, DAY = Column("name"), Column("size", right=True, spare=True), Column("day", spare=True)


def table(columns, *rows, **options):
    made = TerminalTable("", columns, **options)
    for row in rows:
        made.add_row(*row)
    return made


def test_every_column_is_as_wide_as_it_wants_to_be():
    assert terminal_lines([table([NAME, SIZE], ["one", "1"], ["three", "1,000"])]) == [
        "name    size",
        "━━━━━  ━━━━━",
        "one        1",
        "three  1,000",
    ]


def test_column_that_is_empty_in_every_row_is_left_out():
    made = table([NAME, SIZE, DAY], ["one", "-", "3"], ["two", "", "4"])
    assert terminal_lines([made]) == ["name  day", "━━━━  ━━━", "one   3", "two   4"]
    assert made.left_out(80) == []


def test_spare_columns_are_left_out_from_the_last_on():
    made = table([NAME, SIZE, DAY], ["a-long-name", "12", "Monday"])
    needed = {width: made.left_out(width) for width in (25, 24, 16)}
    assert needed == {25: [], 24: ["day"], 16: ["size", "day"]}
    assert terminal_lines([made], 24)[-1] == "a-long-name    12"


def test_names_are_whole_where_even_they_have_no_room():
    made = table([NAME, SIZE], ["a-long-name", "12"])
    assert terminal_lines([made], 5) == ["name", "━━━━━━━━━━━", "a-long-name"]


def test_notes_go_below_before_a_column_is_left_out_and_are_numbered_once():
    rows = [["one", "1", Noted(f"fails: {why}", "fails", why)] for why in ("cold", "rain", "cold")]
    made = table([NAME, SIZE, Column("verdict")], *rows)
    assert next(table_cells(terminal_lines([made], 80))) == ["one", "1", "fails: cold"]
    assert terminal_lines([made], 22)[2:] == [
        "one      1  fails¹",
        "one      1  fails²",
        "one      1  fails¹",
        "",
        "¹ cold",
        "² rain",
    ]


def test_note_of_several_lines_is_indented():
    made = table([NAME], [Noted("one two three four", "one", "two three four")])
    assert terminal_lines([made], 11)[-2:] == ["¹ two three", "  four"]


def test_rest_of_a_cell_is_left_out_after_the_notes_and_is_named():
    columns = [Column("model"), Column("error", right=True, rest="intervals")]
    made = table(columns, [name_cell("a-network+another-network"), Noted("22.00 [19.54, 24.67]", "22.00")])
    assert made.left_out(31) == []
    assert next(table_cells(terminal_lines([made], 31))) == ["ensemble¹", "22.00 [19.54, 24.67]"]
    assert made.left_out(30) == ["intervals"]
    assert next(table_cells(terminal_lines([made], 32))) == ["ensemble¹", "22.00 [19.54, 24.67]"]


def test_note_comes_back_where_leaving_out_a_column_made_room():
    columns = [NAME, Column("why"), SIZE]
    made = table(columns, ["one", Noted("it is a long reason", "", "it is a long reason"), "1" * 21])
    assert terminal_lines([made], 26)[-1] == "one   it is a long reason"


def test_words_take_several_lines_and_stay_whole():
    made = table([NAME, Column("what it is", wraps=True)], ["one", "the first of all the numbers there are"])
    assert terminal_lines([made], 30) == [
        "name  what it is",
        "━━━━  ━━━━━━━━━━━━━━━━━━━━━━━━",
        "one   the first of all the",
        "      numbers there are",
    ]


def test_lines_are_drawn_between_rows_or_sections():
    assert terminal_lines([table([NAME], ["one"], ["two"], lines=True)])[2:] == ["one", "────", "two"]
    made = table([NAME], ["one"], ["two"])
    made.end_section()
    made.add_row("three")
    made.end_section()
    assert terminal_lines([made])[2:] == ["one", "two", "─────", "three"]


@pytest.mark.parametrize("text", ["[red]", ":smile:", "\x1b[31m"])
def test_cells_are_not_markup(text):
    shown = terminal_lines([table([NAME], [text])])[-1]
    assert shown == text.replace("\x1b", r"\x1b")


def test_terminal_that_has_ascii_alone_gets_ascii():
    made = table([NAME], [Noted("one two", "one", "two")])
    console = Console(width=4, file=StringIO())
    options = console.options.update(width=4)
    options.encoding = "ascii"
    assert [line.plain for line in made.__rich_console__(console, options)][1:3] == ["----", "one1"]


def test_broken_names_begin_no_line_as_a_command_of_github_actions():
    name = "a network ::error title=b::c ##[error]d"
    for width in range(12, 60):
        rows = [table([Column("name", wraps=True)], [name]), table([NAME, DAY], [name_cell(name), "1"])]
        lines = terminal_lines([*rows, Hanging("lead ", name)], width)
        assert [line for line in lines if COMMAND.search(line)] == []


def test_hanging_text_stays_behind_its_lead():
    assert terminal_lines([Hanging("ok   ", "one two three")], 12) == ["ok   one two", "     three"]
