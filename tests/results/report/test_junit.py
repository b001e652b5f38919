from dataclasses import replace
from xml.etree import ElementTree

from results.report import junit


def test_junit_has_a_case_for_each_row_and_the_reason_for_a_failure(passed, missing):
    tree = ElementTree.fromstring(junit.write([passed, missing], "base.csv"))
    assert tree.attrib == {
        "name": "inception-bench check against base.csv",
        "tests": "2",
        "failures": "1",
        "skipped": "0",
    }
    assert [case.attrib["name"] for case in tree] == ["v3, 1, all", "v3, 144, all"]
    assert tree[0].find("failure") is None
    failure = tree[1].find("failure")
    assert failure.attrib["message"] == "missing: it was not measured"
    assert failure.text == "v3, 144, all: missing: it was not measured"


def test_junit_is_well_formed_whatever_a_model_is_called(missing):
    written = junit.write([replace(missing, model='v3 <&"\x07>')], "base\x1b.csv")
    tree = ElementTree.fromstring(written)
    assert tree[0].attrib["classname"] == r'v3 <&"\x07>'
    assert tree.attrib["name"] == r"inception-bench check against base\x1b.csv"
