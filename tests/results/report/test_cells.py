from dataclasses import replace

from results.report.cells import cells, note, verdict_count


def test_note_counts_the_images_that_rounding_could_change(table):
    none = table.assign(top1_near=0.04, top5_near=0)
    assert note(none).endswith("No result here is close enough to a tie for rounding to change it.")
    some = table.assign(top1_near=[3.14, 0], top5_near=0, n=961)
    assert note(some).endswith(
        "Rounding is expected to change the result of about 3.1 of 961 images: at most 0.33 points of error."
    )


def test_top5_error_has_a_column_from_six_classes_on(table):
    nothing = table.assign(weights_source="", paper_source="")
    for classes, shown in ((6, True), (5, False), ([5, 6], True)):
        assert ("top-5 error" in cells(nothing.assign(classes=classes))[0]) == shown


def test_published_figures_have_a_column_only_where_there_are_any(table):
    nothing = table.assign(weights_source="", paper_source="")
    assert list(cells(nothing)[0])[-1] == "top-5 error"
    assert "Published" not in note(nothing)
    some = nothing.assign(paper_source=["x table2", ""], paper_top1=None, paper_top5=6.67)
    assert [row["paper"] for row in cells(some)] == ["- / 6.67 (x table2)", "-"]
    assert "Published: top-1 / top-5." in note(some)


def test_verdicts_have_a_column_only_where_there_are_any(table):
    assert "verdict" not in cells(table)[0]
    assert [row["verdict"] for row in cells(table.assign(verdict=["agrees", ""]))] == ["agrees", "-"]


def test_rows_that_cannot_be_compared_are_counted_apart(passed, missing):
    neither = replace(passed, passed=None)
    assert (
        verdict_count([passed, missing, neither, neither]) == "1 rows pass, 1 fail, and 2 cannot be compared"
    )


def test_calibration_has_columns_only_where_it_is_wanted(table):
    few = table.assign(nll=[0.70004, None])
    assert not {"NLL", "Brier", "ECE"} & set(cells(few)[0])
    first, second = cells(few, calibration=True)
    assert (first["NLL"], second["NLL"]) == ("0.7000", "-")
    assert first["Brier"] == f"{table['brier'][0]:.4f}"
    assert first["ECE"] == f"{table['ece'][0]:.4f}"
