import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.text import COMMAND, one_line, printable


@pytest.mark.parametrize("text", ["", "v3, 144", "a\\b", "Müller 猫 ✓", "a::b", "#[x]"])
def test_text_that_prints_stays_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\u202egnp.cat", r"\u202egnp.cat"),
        ("\u2028", r"\u2028"),
        ("\udcff", r"\udcff"),
        ("\U000e0001", r"\U000e0001"),
        ("  ::add-mask::x", r"  :\x3aadd-mask::x"),
        ("net ##[add-mask]x", r"net ##\x5badd-mask]x"),
    ],
)
def test_what_acts_on_a_terminal_or_on_github_is_escaped(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(categories=None) | st.sampled_from("::##[[ \n\x1b")))
def test_any_text_becomes_one_printable_line_that_is_no_command(text):
    shown = printable(text)
    assert shown.isprintable()
    assert not COMMAND.search(shown)
    assert printable(shown) == shown
    assert one_line(text).isprintable()
