from bench.progress import Done, Download, Tally


def test_what_was_done_before_counts_but_took_no_time():
    tally = Tally(10, Done(images=6, crops=99, judged=5, right=4))
    assert tally.seconds_left is None
    tally.began -= 100
    tally.since += Done(images=1, crops=1200, judged=1)
    assert tally.done == Done(images=7, crops=1299, judged=6, right=4)
    assert tally.rate == "12 crops/s"
    assert tally.error == "top-1 error 33.3 %"
    assert 300 <= tally.seconds_left < 310


def test_rate_is_of_images_where_no_crops_are_counted():
    tally = Tally(10, Done(), Done(images=300))
    tally.began -= 100
    assert (tally.rate, tally.error) == ("3 images/s", "")


def test_bytes_that_were_there_before_took_no_time():
    download = Download(received=40_000_000, size=90_000_000, before=10_000_000)
    download.began -= 10
    assert download.counts == ("40.0", "90.0 MB")
    assert download.rate == "3.0 MB/s"
    assert 16 <= download.seconds_left < 18
