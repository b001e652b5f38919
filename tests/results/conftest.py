"""Runs that the tests of `results` share."""

from pathlib import Path

import pytest

from results.run import Run
from tests.helpers import complete_run, random_run, random_shard, start_run

SCHEMA_2 = Path(__file__).parent / "data" / "schema-2"


@pytest.fixture
def run(tmp_path):
    """A complete run of 25 images in three shards."""
    shards = [random_shard(0, 10), random_shard(10, 20), random_shard(20, 25)]
    return complete_run(start_run(tmp_path / "run"), shards)


@pytest.fixture
def members(tmp_path):
    """Complete runs of four networks on the same 25 images."""
    return [random_run(tmp_path / f"run{seed}", seed) for seed in range(4)]


@pytest.fixture(scope="session")
def stored_runs():
    """Runs that an earlier version of this program wrote, by name: of two networks, of one network under a
    dialect, and of the ensemble of the two.
    """
    names = {
        "v1": "mini-v1-mini_val.tar-10-71bff58c",
        "v3": "mini-v3-mini_val.tar-10-2bed7b83",
        "dialect": "mini-v3-mini_val.tar-timm-058203ea",
        "ensemble": "mini-v1+mini-v3-mini_val.tar-10-0006e2ca",
    }
    return {name: Run.open(SCHEMA_2 / folder) for name, folder in names.items()}
