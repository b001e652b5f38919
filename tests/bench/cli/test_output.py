"""Progress and notes are on stderr, and --quiet shows neither."""

from tests.helpers import cli, cli_json


def test_quiet_shows_results_and_neither_progress_nor_notes(eval_tiny, tmp_path):
    loud = cli(*eval_tiny, "--fresh")
    quiet = cli(*eval_tiny, "--fresh", "-q")
    assert "loading " in loud.stderr
    assert " images in " in loud.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == loud.stdout


def test_quiet_is_of_one_command_alone(tmp_path):
    line = f"note: no runs in {tmp_path}\n"
    assert [cli("runs", tmp_path, *words).stderr for words in ([], ["--quiet"], [])] == [line, "", line]


def test_quiet_does_not_hide_an_error(tmp_path):
    done = cli("report", tmp_path / "nowhere", "--quiet", code=1)
    assert done.stderr.startswith("inception-bench: ")


def test_quiet_does_not_say_which_file_was_written(run, tmp_path):
    assert cli("report", run.path, "-o", tmp_path / "table.md", "--quiet").stderr == ""
    assert (tmp_path / "table.md").exists()


def test_json_is_alone_on_stdout_beside_progress(eval_tiny):
    assert set(cli_json(*eval_tiny)) == {"run", "rows"}
