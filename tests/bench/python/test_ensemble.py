import pytest

import bench
from results.ensemble import ensemble
from results.errors import RunError
from tests.conftest import MINI_IMAGES


def test_runs_and_their_names_make_the_run_of_the_command(mini_runs, mini_out, tmp_path):
    first, second, *_ = mini_runs
    expected = ensemble([first, second], tmp_path / "expected")
    found = bench.ensemble(first, mini_out / second.path.name[:10], out=tmp_path)
    assert found.path.parent == tmp_path
    assert found.identity == expected.identity


def test_networks_are_evaluated_first(mini_runs, mini_out, capsys):
    options = {"crops": 144, "limit": MINI_IMAGES, "out": mini_out}
    (run, both) = mini_runs[:2]
    found = bench.ensemble(run, models=["mini-v3"], **options)
    assert found.identity == ensemble([run, both], mini_out).identity
    assert "is complete" in capsys.readouterr().err
    bench.ensemble(models="mini-v1,mini-v3", progress=False, **options)
    assert capsys.readouterr().err == ""


def test_members_are_checked_before_any_is_evaluated(mini_runs, tmp_path):
    with pytest.raises(RunError, match="is on other images or labels"):
        bench.ensemble(mini_runs[0], models="mini-v3", crops=144, limit=3, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
