import pytest

import bench
from results.errors import RunError, RunUsageError
from tests.helpers import random_run


def test_run_is_found_by_folder_beginning_and_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = random_run(tmp_path / "runs" / "v3-val-1a2b3c4d", 0)
    for name in (run.path, str(run.path), "v3-val", "1a2b3c4d", run.path / "manifest.json"):
        assert bench.open(name).manifest == run.manifest


def test_name_of_no_run_or_of_several_is_refused(tmp_path):
    for seed in (0, 1):
        random_run(tmp_path / f"v3-{seed}", seed)
    with pytest.raises(RunUsageError, match=r"v3 may be any of .*v3-0, .*v3-1: write more of the name"):
        bench.open(tmp_path / "v3")
    with pytest.raises(RunError, match=r"v4 is no run: it has no manifest.json"):
        bench.open(tmp_path / "v4")
