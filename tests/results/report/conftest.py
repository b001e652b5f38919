"""Verdicts and a table that the tests of several formats share."""

import pytest

from results.baseline import Verdict
from results.tables import accuracy


@pytest.fixture
def passed():
    return Verdict("v3", "1", "all", 1000, (22.0, 6.0), (22.0, 6.0), True, "equal")


@pytest.fixture
def missing():
    return Verdict("v3", "144", "all", 1000, (19.0, 4.0), None, False, "missing: it was not measured")


@pytest.fixture
def table(run):
    return accuracy([run])
