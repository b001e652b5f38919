import pandas as pd

from bench.evaluation import evaluate
from bench.mini import NETWORKS
from tests.helpers import cli, cli_json


def test_demo_prints_and_writes_the_table_of_the_networks_and_their_ensemble(
    mini_runs, tmp_path, monkeypatch
):
    """With fewer images than the whole demo, which tests/soak runs."""
    monkeypatch.setattr(evaluate, "run_evaluations", lambda several, reporter: mini_runs[:4])
    printed = cli_json("demo", "--out", tmp_path)
    assert list(dict.fromkeys(row["model"] for row in printed["rows"])) == [*NETWORKS, "+".join(NETWORKS)]
    assert len(printed["runs"]) == 5
    assert len(pd.read_csv(tmp_path / "demo.csv")) == len(printed["rows"]) == 40
    assert (tmp_path / "demo.md").read_text().count("\n| ") == 41
    shown = cli("demo", "--out", tmp_path)
    assert all(name in shown.stdout for name in NETWORKS)
    assert shown.stderr.endswith(f"wrote {tmp_path}/demo.csv\nwrote {tmp_path}/demo.md\n")
