from xml.etree import ElementTree

import pandas as pd
import pytest

from results import baseline as regression
from results.baseline import judge, junit, markdown, read, write
from results.errors import RunError


def table(*rows):
    """Rows (model, protocol, n, top-1 hits, top-5 hits), all images."""
    frame = pd.DataFrame(rows, columns=["model", "protocol", "n", "top1_hits", "top5_hits"])
    for k in (1, 5):
        frame[f"top{k}_error"] = 100 * (1 - frame[f"top{k}_hits"] / frame["n"])
    return frame.assign(image_set="all", images_sha256="i", protocol_sha256="p")


BASELINE = table(("v3", "1", 1000, 780, 940), ("v3", "144", 1000, 810, 960))


@pytest.mark.parametrize(
    ("measured", "both_ways", "words"),
    [
        (BASELINE, False, ["equal", "equal"]),
        (
            table(("v3", "1", 1000, 779, 940), ("v3", "144", 1000, 810, 959)),
            True,
            ["within 0.1 points: +0.10 / +0.00", "within 0.1 points: +0.00 / +0.10"],
        ),
        (
            table(("v3", "1", 1000, 778, 940), ("v3", "144", 1000, 810, 960)),
            False,
            ["!worse: top-1 error +0.20 points", "equal"],
        ),
        (
            table(("v3", "1", 1000, 780, 937), ("v3", "144", 1000, 810, 960)),
            False,
            ["!worse: top-5 error +0.30 points", "equal"],
        ),
        (
            table(("v3", "1", 1000, 800, 940), ("v3", "144", 1000, 810, 960)),
            False,
            ["within 0.1 points: -2.00", "equal"],
        ),
        (
            table(("v3", "1", 1000, 800, 940), ("v3", "144", 1000, 810, 960)),
            True,
            ["!better: top-1 error -2.00 points", "equal"],
        ),
        (table(("v3", "1", 1000, 780, 940)), False, ["equal", "!missing"]),
        (
            table(("v3", "1", 999, 779, 939), ("v3", "144", 1000, 810, 960)),
            False,
            ["!other images: n = 999, the baseline has 1,000", "equal"],
        ),
        (table(("v4", "1", 1000, 780, 940)), False, ["!missing", "!missing", "!not in the baseline"]),
    ],
)
def test_verdicts(measured, both_ways, words):
    """`!` marks a row that fails."""
    verdicts = judge(measured, BASELINE, 0.1, both_ways=both_ways)
    assert len(verdicts) == len(words)
    for verdict, said in zip(verdicts, words, strict=True):
        assert (verdict.passed, verdict.why.startswith(said.removeprefix("!"))) == (
            not said.startswith("!"),
            True,
        ), verdict


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images_sha256": "other"}, "other images or labels than the baseline's"),
        ({"protocol_sha256": "other"}, "another protocol than the baseline's"),
        ({"images_sha256": ""}, "equal"),
    ],
)
def test_as_many_images_are_not_the_same_images(changes, said):
    """A baseline that was written by hand may leave the hashes out."""
    assert all(verdict.why.startswith(said) for verdict in judge(BASELINE.assign(**changes), BASELINE, 5.0))
    assert all(
        verdict.passed == (said == "equal") for verdict in judge(BASELINE, BASELINE.assign(**changes), 5.0)
    )


def test_a_row_that_is_there_twice_is_refused():
    with pytest.raises(RunError, match="the measured table has the row v3, 1, all twice"):
        judge(pd.concat([BASELINE, BASELINE]), BASELINE, 0.1)


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    (tmp_path / "baseline.csv").write_text(write(BASELINE))
    again = read(tmp_path / "baseline.csv")
    assert all(verdict.why == "equal" for verdict in judge(again, BASELINE, 0))
    assert again["protocol"].tolist() == ["1", "144"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the table"),
        ("a,b\n1,2\n", "lacks the columns model, protocol, image_set, n, top1_hits, top5_hits"),
        ("model,protocol,image_set,n,top1_hits,top5_hits\n", "it is empty"),
        (
            "model,protocol,image_set,n,top1_hits,top5_hits\nv3,1,all,10,5,8\nv3,10,all,10,9,8\n",
            "line 3 has counts that cannot be",
        ),
        (
            "model,protocol,image_set,n,top1_hits,top5_hits\nv3,1,all,10,x,8\n",
            "line 2 has counts that cannot be",
        ),
        (
            "model,protocol,image_set,n,top1_hits,top5_hits\nv3,1,all,10,2.5,8\n",
            "line 2 has counts that cannot be",
        ),
        (
            "model,protocol,image_set,n,top1_hits,top5_hits\nv3,1,all,0,0,0\n",
            "line 2 has counts that cannot be",
        ),
        ("\x00\x01", "cannot read|lacks the columns"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, message):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(RunError, match=message):
        read(tmp_path / "table.csv")


def test_junit_has_a_case_for_each_row_and_says_what_failed():
    odd = BASELINE.assign(model='v3 <&"\x07>')
    tree = ElementTree.fromstring(junit(judge(odd[:1], odd, 0.1), "base.csv"))
    assert (tree.attrib["tests"], tree.attrib["failures"]) == ("2", "1")
    assert [case.attrib["classname"] for case in tree] == ['v3 <&"?>'] * 2
    assert tree[1].find("failure").attrib["message"] == "missing: it was not measured"


def test_the_summary_begins_with_what_failed():
    text = markdown(judge(BASELINE[1:].assign(model="a|b"), BASELINE.assign(model="a|b"), 0.1), "base.csv")
    assert text.startswith("### inception-bench check: 1 of 2 rows fail against base.csv")
    assert text.splitlines()[4] == r"| a\|b, 1, all | 22.00 / 6.00 | - | missing: it was not measured |"


def test_errors_are_computed_from_hits(tmp_path):
    """An error that was edited by hand does not count."""
    (tmp_path / "baseline.csv").write_text(regression.write(BASELINE.assign(top1_error=99.0)))
    assert judge(BASELINE, read(tmp_path / "baseline.csv"), 0)[0].why == "equal"
