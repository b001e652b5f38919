"""Tests of the command `suite`."""

import csv

import pytest

from tests.helpers import cli, cli_error, cli_json

SUITE = """
networks = [{networks}]
limit = 20

[data.mini]
data = "mini"

[data.flat]
data = "mini"
limit = 12
"""


def write(folder, networks='"mini-v3", "mini-v1"', more=""):
    path = folder / "small.toml"
    path.write_text(SUITE.format(networks=networks) + more)
    return str(path)


def test_table_has_each_network_on_each_data_set_and_a_second_time_the_same(tmp_path):
    file, out = write(tmp_path), str(tmp_path / "runs")
    first = cli_json("suite", file, "--out", out)
    rows = {(row["model"], row["n"]) for row in first["rows"] if row["image_set"] == "all"}
    assert {name.partition(" ")[0] for name, _ in rows} == {"mini-v3", "mini-v1"}
    assert sorted(n for _, n in rows) == [12, 12, 20, 20]
    assert len(first["runs"]) == 4
    assert first["failures"] == []
    assert {path.name for path in (tmp_path / "runs").iterdir() if path.is_file()} == {
        "small.csv",
        "small.md",
        "small-mini.html",
        "small-flat.html",
    }
    with (tmp_path / "runs" / "small.csv").open() as table:
        assert len(list(csv.DictReader(table))) == len(first["rows"])
    assert cli_json("suite", file, "--out", out) == first


def test_check_of_a_suite_passes_against_its_own_table_and_fails_against_a_better_one(tmp_path):
    out = tmp_path / "runs"
    cli("suite", write(tmp_path, '"mini-v3"'), "--out", str(out))
    baseline = tmp_path / "baseline.csv"
    cli("check", str(out / "small.csv"), "--against", str(baseline), "--update")
    checked = write(tmp_path, '"mini-v3"', f'\n[check]\nagainst = "{baseline}"\n')
    assert cli_json("suite", checked, "--out", str(out))["passed"]
    rows = baseline.read_text().splitlines()
    header = rows[0].split(",")
    better = [header, *(row.split(",") for row in rows[1:])]
    for row in better[1:]:
        n = int(row[header.index("n")])
        hits = int(row[header.index("top1_hits")]) + 1
        row[header.index("top1_hits")] = str(hits)
        row[header.index("top1_error")] = repr(100 * (n - hits) / n)
    baseline.write_text("\n".join(",".join(row) for row in better) + "\n")
    result = cli("suite", checked, "--out", str(out), code=3)
    assert "FAIL" in result.stdout


def test_ensemble_is_that_of_the_command_ensemble(tmp_path):
    file = write(tmp_path)
    (tmp_path / "small.toml").write_text(
        'ensembles = [["mini-v1", "mini-v3"]]\n' + (tmp_path / "small.toml").read_text()
    )
    found = cli_json("suite", file, "--out", tmp_path / "runs")
    mini = found["runs"][:3]
    expected = cli_json("ensemble", mini[1], mini[0], "--out", tmp_path / "other")["rows"]
    rows = [row for row in found["rows"] if row["n"] in (20, 19) and "+" in row["model"]]
    assert [row["top1_hits"] for row in rows] == [row["top1_hits"] for row in expected]
    assert rows[0]["model"].startswith("mini-v1+mini-v3")
    assert len(found["runs"]) == 6


def test_network_that_fails_leaves_the_others_their_runs(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights")
    file = write(tmp_path, f'"mini-v4={broken}", "mini-v3"')
    text = (tmp_path / "small.toml").read_text()
    (tmp_path / "small.toml").write_text(f'ensembles = [["mini-v4={broken}", "mini-v3"]]\n{text}')
    result = cli("suite", file, "--out", str(tmp_path / "runs"), code=1)
    assert result.stderr.count("mini-v4 is left out") == 2
    assert result.stderr.count("classes have no image") == 2  # each set is opened once
    assert "2 evaluations" in result.stderr.splitlines()[-1]
    assert "mini-v3" in result.stdout


@pytest.mark.parametrize("networks", ['"v3"', '"mini-v9"'])
def test_suite_that_cannot_run_is_refused_before_anything_runs(tmp_path, networks):
    cli_error("suite", write(tmp_path, f'"mini-v3", {networks}'), "--out", str(tmp_path / "runs"), code=2)
    assert not (tmp_path / "runs").exists()


def test_dry_run_lists_what_would_run_and_writes_nothing(tmp_path):
    listed = cli_json("suite", write(tmp_path), "--dry-run", "--out", str(tmp_path / "runs"))["would_run"]
    assert [(each["data"], each["model"]) for each in listed] == [
        ("mini", "mini-v3"),
        ("mini", "mini-v1"),
        ("flat", "mini-v3"),
        ("flat", "mini-v1"),
    ]
    assert not (tmp_path / "runs").exists()


def test_suite_is_held_to_published_figures(tmp_path, monkeypatch):
    """The figures of ImageNet's networks are none of the mini ones, which is no failure of a row."""
    file = write(tmp_path, '"mini-v3"', '\n[check]\nagainst = "published"\n')
    done = cli("suite", file, "--out", str(tmp_path / "runs"), code=1)
    assert "0 rows pass, 0 fail, and 4 cannot be compared" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(
        "inception-bench: [check] has nothing to hold the runs to: mini-v3 ("
    )
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, '"mini-v3"', '\n[check]\nagainst = "./published"\n')
    assert cli_error("suite", file, code=2).startswith(f"no baseline at {tmp_path / 'published'}: ")
