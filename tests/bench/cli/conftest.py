"""What the tests of the command line share."""

from dataclasses import replace

import pytest

from results.run import write_manifest
from tests.conftest import TINY


@pytest.fixture
def eval_tiny(tiny_weights, photos, tmp_path):
    """The command that evaluates the small network on the small pictures."""
    return ["eval", "--model", TINY, "--weights", tiny_weights, "--data", photos, "--out", tmp_path / "runs"]


@pytest.fixture
def run(evaluate):
    """A run of the small network on the small pictures, with 1 and 10 crops."""
    return evaluate(crops="10")


@pytest.fixture
def incomplete_run(run):
    """The run as it is just before its end."""
    return write_manifest(run.path, replace(run.manifest, complete=False))
