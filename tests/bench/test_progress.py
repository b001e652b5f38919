from bench.progress import Console, Done, Tally


def test_note_is_one_printable_line(capsys):
    with Console() as console:
        console.note("the class \x1b[31mcat\n::error::dog has no image")
    assert capsys.readouterr().err == "note: the class \\x1b[31mcat ::error::dog has no image\n"


def test_what_was_done_before_counts_but_took_no_time():
    tally = Tally(10, Done(images=6, crops=99, judged=5, right=4))
    tally.began -= 100
    tally.since += Done(images=1, crops=12, judged=1)
    assert tally.done == Done(images=7, crops=111, judged=6, right=4)
    assert tally.describe().startswith("0 crops/s")
    assert tally.describe().endswith("top-1 error so far 33.3 %")
    assert 300 <= tally.seconds_left < 310


def test_lines_count_from_what_was_done_before(capsys):
    with Console() as console:
        console.start(3, Done(images=2, judged=2, right=1))
        console.advance(Done(images=1, crops=1, judged=1, right=1))
    assert capsys.readouterr().err.startswith("3 of 3 images, ")
