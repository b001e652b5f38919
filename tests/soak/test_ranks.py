"""Ranks under torchrun: the bytes are the same for every number of ranks, and whatever happens to them."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from bench import mini
from results.errors import IncompleteRun
from results.run import Run
from tests.processes import (
    PATIENCE,
    SMALL_SHARDS,
    TORCHRUN,
    Forks,
    end_of,
    only_run,
    paused,
    popen,
    printed_table,
    shard_files,
    wait_until,
)

IMAGES = 120
EVAL = ("eval", "--crops", "12", "--limit", str(IMAGES))
"""30 shards of 48 crops."""


def torchrun(ranks, out, *options, command=EVAL, **variables):
    """So many ranks that evaluate in small shards, with these options of torchrun."""
    _, *program = SMALL_SHARDS
    words = [f"--nproc-per-node={ranks}", *options, *program, *command, "--out", out]
    return popen([*TORCHRUN, *words], **variables)


IMPORTS = "import os, bench.cli, bench.evaluation.evaluate, bench.zoo.from_papers, results.tables"


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # as torchrun sets it
    forks = Forks(tmp_path_factory.mktemp("printed"), f"{IMPORTS}, tests.forked_ranks", environment)
    yield forks
    forks.close()


@pytest.fixture
def on_two_ranks(processes):
    """Run the command line on two ranks to their end, the second with other words where there are some, and
    each in its own folder where there are such.
    """

    def run(words, of_the_second=None, folders=(".", ".")):
        both = [list(map(str, each)) for each in (words, of_the_second or words)]
        places = list(map(str, folders))
        script = f"import os, bench.cli; os.chdir({places}[RANK]); bench.cli.app({both}[RANK])"
        return processes.run(f"tests.forked_ranks.launch(2, {script!r})")

    return run


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """(shards, table) of the run of one process that nothing disturbs."""
    out = tmp_path_factory.mktemp("alone")
    stdout, _ = end_of(popen([*SMALL_SHARDS, *EVAL, "--out", out]))
    return shard_files(out), printed_table(stdout)


def counted_once(opened):
    ids = [image_id for shard in opened.shards() for image_id in shard.ids]
    return len(ids) == len(set(ids)) == IMAGES


def test_three_ranks_give_the_same_bytes_as_one_process(alone, tmp_path):
    stdout, stderr = end_of(torchrun(3, tmp_path))
    assert (shard_files(tmp_path), printed_table(stdout)) == alone
    assert counted_once(only_run(tmp_path))
    assert f": {IMAGES} images in " in stderr


def test_killed_rank_is_started_again(alone, tmp_path, pipe):
    """And `--fresh` goes on with what was measured before. It is the rank that prints."""
    out = tmp_path / "runs"
    process = torchrun(2, out, "--max-restarts=1", command=(*EVAL, "--fresh"), PAUSE=pipe)
    with paused(pipe, process):
        os.kill(pid_of(process, rank=0), signal.SIGKILL)
    stdout, stderr = end_of(process)
    assert "is continued" in stderr
    assert (shard_files(out), printed_table(stdout)) == alone
    assert counted_once(only_run(out))


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def pid_of(process, rank=None):
    """The process of that rank, or of the only one, among the children of torchrun."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        ranks = [word for word in environment_of(child) if word.startswith("RANK=")]
        if ranks and rank in (None, int(ranks[0].removeprefix("RANK="))):
            return int(child)
    raise AssertionError(f"no rank {rank} among {children}")


@pytest.fixture
def meeting():
    """Options of a torchrun on one of two machines, which find each other at an address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        *("--nnodes=2", "--rdzv-backend=c10d", f"--rdzv-endpoint={address}"),
        *("--rdzv-id=test", "--local-addr=127.0.0.1"),
    ]


def test_two_machines_meet_and_write_to_one_folder(alone, tmp_path, meeting, pipe):
    """And where a rank dies, the other machine's starts again, too, though its torchrun counts no restart."""
    out = tmp_path / "runs"
    machines = [torchrun(1, out, *meeting, "--max-restarts=3", PAUSE=pipe) for _ in range(2)]
    with paused(pipe, machines[0]):
        os.kill(pid_of(machines[1]), signal.SIGKILL)
    outputs = [end_of(machine) for machine in machines]
    tables = [line for stdout, _ in outputs for line in printed_table(stdout)]
    assert (shard_files(out), tables) == alone
    assert counted_once(only_run(out))
    assert any("is continued" in stderr for _, stderr in outputs)


def test_lost_machine_ends_the_others_with_a_line(tmp_path, meeting, pipe):
    """The second to come is lost: the first one has the rendezvous store."""
    first = torchrun(1, tmp_path / "runs", *meeting, PAUSE=pipe)
    wait_until(lambda: listens(meeting), first)
    second = torchrun(1, tmp_path / "runs", *meeting, PAUSE=pipe)
    with paused(pipe, first):
        victim = pid_of(second)
        second.kill()
        os.kill(victim, signal.SIGKILL)
    second.communicate()
    _, stderr = first.communicate(timeout=PATIENCE)
    assert first.returncode == 1
    assert "inception-bench: a rank is gone (" in stderr
    assert "): start the same command again, on all machines" in stderr


def listens(meeting):
    (address,) = (word.partition("=")[2] for word in meeting if "endpoint" in word)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0


def test_ensemble_under_torchrun_is_pooled_and_printed_once(on_two_ranks, tmp_path):
    evaluate = ("ensemble", "--models", "mini-v1,mini-v3", "--limit", "41", "--json", "--out", tmp_path)
    done = on_two_ranks(evaluate)
    assert done.returncode == 0, done.stderr
    opened = Run.open(Path(json.loads(done.stdout)["run"]))
    assert opened.name == "mini-v1+mini-v3"
    assert sum(len(shard.ids) for shard in opened.shards()) == 41


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            ("eval", "--limit", 20),
            ("eval", "--limit", 21),
            "the images or labels on this machine are not those of the first rank: "
            "bring the same to all machines",
        ),
        (
            ("ensemble", "--limit", 20, "--models", "mini-v1,mini-v3"),
            ("ensemble", "--limit", 20, "--models", "mini-v1"),
            "the first rank evaluates mini-v1, mini-v3, and this one mini-v1: "
            "give all ranks the same command",
        ),
    ],
)
def test_ranks_with_other_commands_end_with_a_line(on_two_ranks, tmp_path, first, second, message):
    out = ("--out", tmp_path)
    done = on_two_ranks((*first, *out), (*second, *out))
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("inception-bench: ")]
    assert lines == [f"inception-bench: {message}"]


@pytest.mark.parametrize("limit", [20, 0], ids=["one", "both"])
def test_usage_error_of_one_rank_or_of_both_is_printed_once(on_two_ranks, tmp_path, limit):
    """Beside it the first rank may say that torchrun ended it."""
    out = ("--out", tmp_path)
    done = on_two_ranks(("eval", "--limit", limit, *out), ("eval", "--limit", 0, *out))
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("inception-bench: ")]
    (line,) = (line for line in lines if "terminated; the same command continues" not in line)
    assert line.startswith("inception-bench: --limit 0")


def test_ranks_that_write_elsewhere_end_with_a_line(on_two_ranks, tmp_path):
    folders = tmp_path / "one", tmp_path / "other"
    for folder in folders:
        folder.mkdir()
    done = on_two_ranks(("eval", "--limit", 20), folders=folders)
    assert done.returncode == 1
    assert "is not where the first rank writes to: name an --out that all machines reach" in done.stderr


def test_labels_that_cannot_be_right_leave_the_run_incomplete(on_two_ranks, tmp_path):
    folder = tmp_path / "mini"
    shutil.copytree(
        mini.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "__pycache__")
    )
    lines = [line.split() for line in (folder / "labels.txt").read_text().splitlines()]
    (folder / "labels.txt").write_text("\n".join(f"{name} {(int(label) + 7) % 50}" for name, label in lines))
    data = folder / mini.IMAGES.name
    evaluate = ("eval", "--data", data, "--limit", "250", "--crops", "12", "--out", tmp_path / "runs")
    done = on_two_ranks(evaluate)
    assert done.returncode == 1
    assert "which is chance" in done.stderr
    with pytest.raises(IncompleteRun):
        list(only_run(tmp_path / "runs").shards())


def test_ranks_end_when_torchrun_is_gone_and_one_process_continues(alone, tmp_path, pipe):
    out = tmp_path / "runs"
    process = torchrun(2, out, PAUSE=pipe)
    with paused(pipe, process):
        process.kill()
    _, stderr = process.communicate(timeout=PATIENCE)  # ends when the last rank does
    assert "inception-bench: torchrun's store cannot be reached" in stderr
    assert "start the same command again" in stderr
    stdout, _ = end_of(popen([*SMALL_SHARDS, *EVAL, "--out", out]))
    assert (shard_files(out), printed_table(stdout)) == alone
