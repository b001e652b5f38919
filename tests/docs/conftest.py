"""What the tests of the pages share."""

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """An empty current folder, and an environment like that of a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.cli.output.WIDE", 80)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
