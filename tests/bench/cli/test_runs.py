from tests.helpers import cli, cli_error, cli_json


def test_runs_are_listed(run, incomplete_run, evaluate):
    evaluate(crops="1")
    complete, unfinished = sorted(
        cli_json("runs", run.path.parent), key=lambda row: row["state"] != "complete"
    )
    assert (unfinished["run"], unfinished["state"]) == (str(run.path), "1 of 1 shards")
    assert (complete["state"], complete["protocols"], complete["n"]) == ("complete", ["1"], 6)
    shown = cli("runs", run.path.parent).stdout
    assert run.path.name in shown
    assert f"{complete['top1_error']:.2f}" in shown


def test_usual_folder_is_that_of_eval(run, monkeypatch):
    monkeypatch.chdir(run.path.parents[1])
    assert cli_json("runs")[0]["run"] == f"runs/{run.path.name}"


def test_folder_without_runs_is_a_note(tmp_path):
    assert cli("runs", tmp_path).stderr == f"note: no runs in {tmp_path}\n"
    assert cli_json("runs", tmp_path) == []


def test_folder_that_is_not_there_is_an_error(tmp_path):
    assert "nowhere: No such file" in cli_error("runs", tmp_path / "nowhere", code=1)
