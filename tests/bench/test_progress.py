from bench.progress import Console


def test_note_is_one_printable_line(capsys):
    with Console() as console:
        console.note("the class \x1b[31mcat\n::error::dog has no image")
    assert capsys.readouterr().err == "note: the class \\x1b[31mcat ::error::dog has no image\n"
