"""Runs that end before they are done: whatever the reason, the same command goes on, and the bytes are the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import bench
from bench.evaluation import run_folder as record
from bench.evaluation.run_folder import LOCK
from results.errors import IncompleteRun
from results.run import Run

EVAL = [sys.executable, "-m", "bench", "eval"]


def start(out, *more):
    """The mini set under the 144 crops, in a process of its own on one core, so that it takes its time on any machine."""
    core = {min(os.sched_getaffinity(0))}
    command = [*EVAL, "--crops", "144", "--out", str(out), *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, preexec_fn=lambda: os.sched_setaffinity(0, core)
    )


def end(process):
    """Wait for a run's end, and what it said on stderr."""
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    return stderr


def shards(out):
    """Each shard's bytes by the name of its file."""
    return {path.name: path.read_bytes() for path in Path(out).glob("*/shards/[!.]*")}


def table(out):
    (run,) = Path(out).iterdir()
    return subprocess.run(
        [sys.executable, "-m", "bench", "report", run, "--format", "csv"], capture_output=True, check=True
    ).stdout


def until_a_shard(process, out):
    deadline = time.monotonic() + 120
    while not shards(out):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(folder, seconds until the first shard) of a run that nothing disturbs."""
    out = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    process = start(out)
    until_a_shard(process, out)
    first = time.monotonic() - began
    end(process)
    return out, first


def test_a_run_that_is_killed_25_times_ends_with_the_same_bytes(undisturbed, tmp_path):
    moments = random.Random(0)
    whole, first = undisturbed
    kept = {}
    for _ in range(25):
        process = start(tmp_path)
        time.sleep(moments.uniform(0, 1.6 * first))
        assert process.poll() is None, "the run was done before it was killed often enough"
        process.kill()
        process.communicate()
        assert (
            kept.items() <= shards(tmp_path).items()
        )  # nothing that was measured is lost or made again otherwise
        kept = shards(tmp_path)
        if kept:
            (run,) = tmp_path.iterdir()
            with pytest.raises(IncompleteRun, match="of 1,000 images; the same eval command continues it"):
                list(Run.open(run).shards())
    assert 0 < len(kept) < 36
    assert "is continued" in end(start(tmp_path))
    assert shards(tmp_path) == shards(whole)
    assert [path.name for path in tmp_path.rglob(".*")] == [LOCK]
    assert table(tmp_path) == table(whole)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_run_with_a_line_on_how_to_go_on(undisturbed, tmp_path, number, code, word):
    process = start(tmp_path)
    until_a_shard(process, tmp_path)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, "")
    assert stderr.splitlines()[-1] == f"inception-bench: {word}; the same command continues"
    assert shards(tmp_path).items() <= shards(undisturbed[0]).items()
    assert [path.name for path in tmp_path.rglob(".*")] == [LOCK]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
def test_a_signal_before_the_first_shard_is_a_signal_too(undisturbed, tmp_path, share):
    """While modules and weights are read: no other error is made of it."""
    for command in ([*EVAL, "--out", str(tmp_path)], [*EVAL[:-1], "doctor"]):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(share * undisturbed[1])
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
        if process.returncode != 0:  # 0: it was done
            assert process.returncode in (143, -signal.SIGTERM), stderr
            assert (
                process.returncode < 0
                or stderr.splitlines()[-1] == "inception-bench: terminated; the same command continues"
            )


def test_a_second_command_on_the_same_run_is_refused(tmp_path):
    first = start(tmp_path, "--limit", "500")
    until_a_shard(first, tmp_path)
    for more in ((), ("--fresh",)):
        second = start(tmp_path, "--limit", "500", *more)
        stdout, stderr = second.communicate(timeout=60)
        assert (second.returncode, stdout) == (1, "")
        assert "inception-bench: another command is working on" in stderr
    end(first)
    assert len(shards(tmp_path)) == 18


FULL = """
set -e
mount -t tmpfs -o size=64k tmpfs "$1"
"$2" -m bench eval --crops 144 --limit 120 --out "$1" || echo "exit $?"
mount -o remount,size=100m "$1"
"$2" -m bench eval --crops 144 --limit 120 --out "$1"
"""

READ_ONLY = """
set -e
mount -t tmpfs tmpfs "$1"
("$2" -m bench eval --crops 144 --limit 120 --out "$1" || echo "exit $?") &
until ls "$1"/*/shards/0* > /dev/null 2>&1; do sleep 0.05; done
shards=$(echo "$1"/*/shards)
mount --bind "$shards" "$shards"
mount -o remount,bind,ro "$shards"
wait
umount "$shards"
"$2" -m bench eval --crops 144 --limit 120 --out "$1"
"""


@pytest.mark.parametrize(
    ("script", "reason"), [(FULL, "No space left on device"), (READ_ONLY, "Read-only file system")]
)
def test_a_disk_that_fails_costs_nothing_that_was_measured(tmp_path, script, reason):
    """On a file system in a namespace of its own, which fills up or becomes read-only in the middle."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    out.mkdir()
    command = [
        "unshare",
        "--mount",
        "bash",
        "-c",
        f'{script}\nmkdir "{whole}"; cp -r "$1"/. "{whole}"',
        "-",
        str(out),
        sys.executable,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if "unshare" in done.stderr or "mount:" in done.stderr.partition("inception-bench")[0]:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert "exit 1" in done.stdout, done
    lines = [line for line in done.stderr.splitlines() if line.startswith("inception-bench")]
    assert len(lines) == 1
    assert f"{reason}; make room or choose another place, and the same command continues" in lines[0]
    assert "is continued" in done.stderr
    (run,) = whole.iterdir()
    assert sorted(path.name for path in (run / "shards").iterdir()) == [
        part.name for part in map(Run.open(run).shard_path, Run.open(run).parts)
    ]
    assert sum(len(shard.ids) for shard in Run.open(run).shards()) == 120


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    class Wound:
        """A clock that goes back ten years at each look."""

        year = 2070

        @classmethod
        def now(cls, zone):
            cls.year -= 10
            return datetime(cls.year, 1, 1, tzinfo=zone)

    plain = bench.evaluate(limit=20, out=tmp_path / "plain")
    monkeypatch.setattr(record, "datetime", Wound)
    monkeypatch.setattr(time, "time", lambda: Wound.now(UTC).timestamp())
    run = bench.evaluate(limit=20, out=tmp_path / "wound")
    assert shards(tmp_path / "wound") == shards(tmp_path / "plain")
    assert run.manifest["shards"] == plain.manifest["shards"]
    assert run.manifest["seconds"] > 0
    assert json.dumps(run.manifest["started"]) == '"2060-01-01T00:00:00+00:00"'


def test_what_a_killed_write_left_is_removed_and_a_damaged_manifest_is_made_again(tmp_path):
    run = bench.evaluate(limit=20, out=tmp_path)
    (run.path / ".manifest.json.0.part").write_text("{")
    (run.path / "shards" / ".00000000-00000020.safetensors.1.part").write_text("x")
    before = run.shard_path(run.parts[0]).stat().st_mtime_ns
    (run.path / "manifest.json").write_bytes((run.path / "manifest.json").read_bytes()[:100])
    again = bench.evaluate(limit=20, out=tmp_path)
    assert again.manifest["shards"] == run.manifest["shards"]
    assert again.shard_path(again.parts[0]).stat().st_mtime_ns == before
    assert sorted(path.name for path in run.path.rglob("*")) == [
        LOCK,
        "00000000-00000020.safetensors",
        "manifest.json",
        "shards",
    ]
