"""What the tests of the pages share."""

import pytest

from tests.docs.console import terminal


@pytest.fixture
def scratch(tmp_path):
    """An empty current folder, and a terminal of 80 columns."""
    with terminal(tmp_path):
        yield tmp_path
