from bench.progress import Console, Tally


def test_note_is_one_printable_line(capsys):
    with Console() as console:
        console.note("the class \x1b[31mcat\n::error::dog has no image")
    assert capsys.readouterr().err == "note: the class \\x1b[31mcat ::error::dog has no image\n"


def test_what_was_done_before_counts_but_took_no_time():
    tally = Tally(10, done=6, judged=5, right=4)
    tally.began -= 100
    tally.add(12, right=False)
    assert (tally.done, tally.crops, tally.right, tally.judged) == (7, 12, 4, 6)
    assert tally.describe().endswith("top-1 error so far 33.3 %")
    assert 300 <= tally.seconds_left < 310


def test_lines_count_from_what_was_done_before(capsys):
    with Console() as console:
        console.start(3, done=2, judged=2, right=1)
        console.advance(1, right=True)
    assert capsys.readouterr().err.startswith("3 of 3 images, ")
