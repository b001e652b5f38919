import json

from results.report.json import summary, write
from results.tables import KEY, MEASURED, SCORED


def test_json_has_the_fields_of_the_contract(table):
    (first, *_) = json.loads(write(table))["rows"]
    expected = [name for name in (*KEY, *MEASURED) if name not in SCORED]
    assert list(first)[: len(expected)] == expected
    assert not set(SCORED) & set(first)
    assert first["n"] == 25


def test_json_has_null_for_what_is_not_published(table):
    assert summary(table)["rows"][0]["paper_top1"] is None
