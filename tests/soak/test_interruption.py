"""Runs that end too early, for whatever reason: the same command continues, and the bytes are the same."""

import random
import signal
import subprocess
import sys

import pytest

from bench.evaluation.run_place import LOCK
from results.errors import IncompleteRun
from tests.processes import (
    PATIENCE,
    SMALL_SHARDS,
    Forks,
    SmallShards,
    end_of,
    only_run,
    paused,
    popen,
    run,
    shard_files,
)

EVAL = ("eval", "--crops", "12", "--limit", "120")
SHARDS = 30
"""Of that evaluation, with 48 crops in a shard."""


IMPORTS = "import torch, bench.evaluation.evaluate, bench.zoo.from_papers, results.tables, tests.small_shards"


@pytest.fixture(scope="module")
def small_shards(tmp_path_factory):
    forks = Forks(tmp_path_factory.mktemp("printed"), IMPORTS)
    yield SmallShards(forks)
    forks.close()


@pytest.fixture(scope="module")
def undisturbed(small_shards, tmp_path_factory):
    """The folder of a run that nothing disturbs."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert small_shards.run(*EVAL, "--out", out).returncode == 0
    assert len(shard_files(out)) == SHARDS
    return out


def csv_of(out):
    return run("report", only_run(out).path, "--format", "csv").stdout


def test_run_that_is_killed_12_times_ends_with_the_same_bytes(small_shards, undisturbed, tmp_path):
    """Each time at its first or second write: before it, in the middle of it, or after it."""
    draw = random.Random(0)
    kept = {}
    for _ in range(12):
        moment = draw.choice(["before", "half-written", "after"])
        done = small_shards.run(*EVAL, "--out", tmp_path, moment=moment, write=draw.choice([1, 2]))
        assert done.returncode == -signal.SIGKILL, done.stderr
        files = shard_files(tmp_path)
        assert kept.items() <= files.items()  # no shard is lost or evaluated again
        kept = files
        if kept:
            with pytest.raises(IncompleteRun, match="of 120 images; the same eval command continues it"):
                list(only_run(tmp_path).shards())
    assert 0 < len(kept) < SHARDS
    done = small_shards.run(*EVAL, "--out", tmp_path)
    assert (done.returncode, "is continued" in done.stderr) == (0, True)
    assert shard_files(tmp_path) == shard_files(undisturbed)
    assert [path.name for path in tmp_path.rglob(".*")] == [LOCK]
    assert csv_of(tmp_path) == csv_of(undisturbed)


def test_any_write_can_be_the_last(small_shards, undisturbed, tmp_path):
    """The manifest at the start, a shard, and the manifest at the end."""
    missing = SHARDS
    for moment, write in (("half-written", 1), ("after", 1), ("half-written", 3), ("before", SHARDS - 1)):
        done = small_shards.run(*EVAL, "--out", tmp_path, moment=moment, write=write)
        assert done.returncode == -signal.SIGKILL, done.stderr
        missing = SHARDS - len(shard_files(tmp_path))
    assert missing == 0
    assert not only_run(tmp_path).complete
    assert small_shards.run(*EVAL, "--out", tmp_path).returncode == 0
    assert only_run(tmp_path).complete
    assert shard_files(tmp_path) == shard_files(undisturbed)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_signal_ends_a_run_with_a_line_that_says_how_to_continue(
    small_shards, undisturbed, tmp_path, number, code, word, moment
):
    done = small_shards.run(*EVAL, "--out", tmp_path, moment=moment, write=5, by=number)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1] == f"inception-bench: {word}; the same command continues"
    files = shard_files(tmp_path)
    assert 3 <= len(files) < SHARDS
    assert files.items() <= shard_files(undisturbed).items()
    assert [path.name for path in tmp_path.rglob(".*")] == [LOCK]


TERMINATE_AT_IMPORT = """
import builtins, os, signal, sys
imported = builtins.__import__

def import_and_terminate(name, *arguments, **more):
    if name.startswith(sys.argv[1]) and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        builtins.__import__ = imported
        os.kill(os.getpid(), signal.SIGTERM)
    return imported(name, *arguments, **more)

builtins.__import__ = import_and_terminate
from bench.cli import app
app(sys.argv[2:])
"""


@pytest.mark.parametrize(("command", "rest"), [("eval", "; the same command continues"), ("doctor", "")])
@pytest.mark.parametrize("module", ["torch", "bench.evaluation.engine", "bench.zoo.loading", "safetensors"])
def test_signal_while_a_module_is_imported_is_no_other_error(tmp_path, command, rest, module):
    words = [sys.executable, "-c", TERMINATE_AT_IMPORT, module, command, "--out", tmp_path]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 143, done.stderr
    assert done.stderr.splitlines()[-1] == f"inception-bench: terminated{rest}"


def test_second_command_on_the_same_run_is_refused(small_shards, undisturbed, tmp_path, pipe):
    out = tmp_path / "runs"
    first = popen([*SMALL_SHARDS, *EVAL, "--out", out], PAUSE=pipe)
    with paused(pipe, first):
        for more in ((), ("--fresh",)):
            done = small_shards.run(*EVAL, *more, "--out", out)
            assert (done.returncode, done.stdout) == (1, "")
            assert "inception-bench: another command is working on" in done.stderr
    end_of(first)
    assert shard_files(out) == shard_files(undisturbed)


FULL = """
set -e
out=$1; shift
mount -t tmpfs -o size=64k tmpfs "$out"
"$@" || echo "exit $?"
mount -o remount,size=100m "$out"
"$@"
"""

READ_ONLY = """
set -e
out=$1; shift
mount -t tmpfs tmpfs "$out"
mkfifo "$out/pipe"
(PAUSE="$out/pipe" "$@" || echo "exit $?") &
exec 3> "$out/pipe"  # goes on when the process is in the middle of its run
shards=$(echo "$out"/*/shards)
mount --bind "$shards" "$shards"
mount -o remount,bind,ro "$shards"
exec 3>&-
wait
umount "$shards"
"$@"
"""


@pytest.mark.parametrize(
    ("script", "reason"), [(FULL, "No space left on device"), (READ_ONLY, "Read-only file system")]
)
def test_failing_disk_costs_nothing_that_was_measured(tmp_path, script, reason):
    """On a file system in a namespace of its own, which fills up or becomes read-only in the middle."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    out.mkdir()
    script = f'{script}\nmkdir "{whole}"; cp -r "$out"/[!p]* "{whole}"'
    words = ["unshare", "--mount", "bash", "-c", script, "-", out, *SMALL_SHARDS, *EVAL, "--out", out]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=PATIENCE)
    if "unshare" in done.stderr or "mount:" in done.stderr.partition("inception-bench")[0]:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert "exit 1" in done.stdout, done
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("inception-bench"))
    assert f"{reason}; make room or choose another place, and the same command continues" in line
    assert "is continued" in done.stderr
    opened = only_run(whole)
    names = [opened.shard_path(part).name for part in opened.parts]
    assert sorted(path.name for path in (opened.path / "shards").iterdir()) == names
    assert sum(len(shard.ids) for shard in opened.shards()) == 120
