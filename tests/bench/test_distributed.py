"""Ranks under torchrun, in processes of their own: the same bytes whatever their number, and whatever becomes of them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from torch.distributed import HashStore

import bench
from bench.distributed import Torchrun
from bench.mini import IMAGES as MINI
from results.errors import IncompleteRun
from results.run import Run

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
EVAL = ["-m", "bench", "eval", "--crops", "144", "--limit", "200"]


def only(out):
    """The run in the folder `out`, which holds no other."""
    (run,) = (Run.open(path.parent) for path in Path(out).glob("*/manifest.json"))
    return run


def shards_of(run):
    """Each shard's file by name."""
    return {path.name: path.read_bytes() for path in sorted((run.path / "shards").iterdir())}


def torchrun(ranks, out, *more, after=()):
    command = [*TORCHRUN, f"--nproc-per-node={ranks}", *more, *EVAL, "--out", out, *after]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """(shards, table) of the run of one process that nothing disturbs."""
    out = tmp_path_factory.mktemp("alone")
    done = subprocess.run(
        [sys.executable, *EVAL, "--out", out], capture_output=True, text=True, timeout=300, check=True
    )
    return shards_of(only(out)), table(done.stdout)


def table(stdout):
    """What was printed, but for where the run lies."""
    return [line for line in stdout.splitlines() if not line.startswith("run: ")]


def counted_once(run):
    ids = [image_id for shard in run.shards() for image_id in shard.ids]
    return len(ids) == len(set(ids)) == 200


@pytest.fixture
def three(monkeypatch):
    """Three ranks in threads of this process, and a pool in which they can wait for each other."""
    store, numbers = HashStore(), iter(range(3))
    module = sys.modules[
        "torch.distributed.rendezvous"
    ]  # which torch.distributed hides behind its function of that name
    monkeypatch.setattr(module, "rendezvous", lambda url: iter([(store, next(numbers), 3)]))
    with ThreadPoolExecutor(3) as pool:
        ranks = list(pool.map(lambda _: Torchrun(), range(3)))
        yield sorted(ranks, key=lambda rank: not rank.first), pool


def test_each_part_falls_to_one_rank_and_the_first_is_told_of_all(three):
    ranks, pool = three
    parts = [range(start, start + 4) for start in range(0, 200, 4)]
    told = []

    def work(rank):
        advance = rank.progress(lambda crops, right: told.append(right))
        taken = []
        for part in rank.hand_out(parts):
            taken.append(part)
            for image in part:
                advance(10, image % 2 == 0)
            time.sleep(0.001)
        rank.wait()
        return taken

    taken = list(pool.map(work, ranks))
    assert sorted((part for some in taken for part in some), key=lambda part: part.start) == parts
    assert all(taken)
    assert (len(told), sum(told)) == (200, 100)


def test_what_the_first_says_all_know_and_what_is_done_once_is_done_once(three):
    ranks, pool = three
    asked = []
    said = pool.map(lambda rank: rank.from_first(lambda: asked.append(rank) or ["a", 1]), ranks)
    assert (list(said), asked) == ([["a", 1]] * 3, ranks[:1])
    assert sorted(rank.once("clear") for rank in ranks) == [False, False, True]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_any_number_of_ranks_gives_the_same_bytes(alone, tmp_path, ranks):
    process = torchrun(ranks, tmp_path)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert (shards_of(only(tmp_path)), table(stdout)) == alone
    assert counted_once(only(tmp_path))
    assert "200 of 200 images" in stderr


@pytest.mark.parametrize(("victim", "more"), [(0, ()), (1, ("--fresh",))])
def test_a_rank_that_is_killed_is_started_again(alone, tmp_path, victim, more):
    """And `--fresh` does not clear what was measured before."""
    process = torchrun(2, tmp_path, "--max-restarts=1", after=more)
    until(lambda: list(tmp_path.glob("*/shards/0*")), process)
    os.kill(rank_of(process, victim), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "is continued" in stderr
    assert (shards_of(only(tmp_path)), table(stdout)) == alone
    assert counted_once(only(tmp_path))


def environment(pid):
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def rank_of(process, rank):
    """The process of that rank, or of the only one, among the children of torchrun."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(
        int(child)
        for child in children
        if any(
            word == f"RANK={rank}" or (word[:5] == "RANK=" and rank is None) for word in environment(child)
        )
    )


def until(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def meeting():
    """Options of a torchrun on one of two machines, which find each other at an address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        "--nnodes=2",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={address}",
        "--rdzv-id=test",
        "--local-addr=127.0.0.1",
    ]


@pytest.mark.parametrize("disturbed", [False, True])
def test_two_machines_meet_and_write_to_one_folder(alone, tmp_path, meeting, disturbed):
    """Where a rank dies on the one, the other's is started again, too, though its torchrun counts no restart."""
    machines = [torchrun(1, tmp_path, *meeting, "--max-restarts=3") for _ in range(2)]
    if disturbed:
        until(lambda: list(tmp_path.glob("*/shards/0*")), machines[0])
        os.kill(rank_of(machines[1], None), signal.SIGKILL)
    said = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert (shards_of(only(tmp_path)), [line for out, _ in said for line in table(out)]) == alone
    assert counted_once(only(tmp_path))
    assert any("is continued" in stderr for _, stderr in said) == disturbed


def test_a_machine_that_is_gone_for_good_ends_the_others_with_a_line(tmp_path, meeting):
    """The second to come: the first one has the rendezvous store."""
    script = f"import bench.distributed as d; d.PATIENCE = 5; from bench.cli import app; app({[*EVAL[2:], '--out', str(tmp_path)]!r})"
    command = [*TORCHRUN, *meeting, "--nproc-per-node=1", "--no-python", sys.executable, "-c", script]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: listens(meeting), first)
    second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: list(tmp_path.glob("*/shards/0*")), first)
    victim = rank_of(second, None)
    (gone,) = (word for word in environment(victim) if word.startswith("RANK="))
    second.kill()
    os.kill(victim, signal.SIGKILL)
    second.communicate()
    _, stderr = first.communicate(timeout=120)
    assert first.returncode == 1
    assert (
        f"inception-bench: rank {gone[-1]} has not been heard of for 5 s: start the same command again, on all machines"
        in stderr
    )


def listens(meeting):
    (address,) = (word.partition("=")[2] for word in meeting if "endpoint" in word)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0


def test_an_ensemble_under_torchrun_is_made_and_told_of_once(tmp_path):
    evaluate = [
        "-m",
        "bench",
        "ensemble",
        "--models",
        "mini-v1,mini-v3",
        "--limit",
        "60",
        "--json",
        "--out",
        tmp_path,
    ]
    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node=2", *evaluate], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    run = Run.open(Path(json.loads(done.stdout)["run"]))
    assert run.manifest["model"]["name"] == "mini-v1+mini-v3"
    assert sum(len(shard.ids) for shard in run.shards()) == 60


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "eval --limit $((20 + RANK))",
            "the images or labels differ here from those of the first rank: bring the same to all machines",
        ),
        (
            "ensemble --limit 20 --models mini-v1$([ $RANK = 1 ] || echo ,mini-v3)",
            "the first rank evaluates mini-v1, mini-v3, and this",
        ),
    ],
)
def test_ranks_that_are_asked_for_other_things_are_told(tmp_path, command, said):
    command = f"exec {sys.executable} -m bench {command} --out {tmp_path}"
    torchrun = [*TORCHRUN, "--nproc-per-node=2", "--no-python", "bash", "-c", command]
    done = subprocess.run(torchrun, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert f"inception-bench: {said}" in done.stderr


def test_ranks_that_write_elsewhere_are_told(tmp_path):
    command = f"mkdir {tmp_path}/$RANK; cd {tmp_path}/$RANK; exec {sys.executable} -m bench eval --limit 20"
    torchrun = [*TORCHRUN, "--nproc-per-node=2", "--no-python", "bash", "-c", command]
    there = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    done = subprocess.run(torchrun, capture_output=True, text=True, timeout=300, env=there)
    assert done.returncode == 1
    assert "is not where the first rank writes to: name an --out that all machines reach" in done.stderr


def test_labels_that_cannot_be_right_leave_no_run_that_is_complete(tmp_path):
    folder = tmp_path / "mini"
    shutil.copytree(
        MINI.parent, folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "__pycache__")
    )
    lines = [line.split() for line in (folder / "labels.txt").read_text().splitlines()]
    (folder / "labels.txt").write_text("\n".join(f"{name} {(int(label) + 7) % 50}" for name, label in lines))
    evaluate = [
        "-m",
        "bench",
        "eval",
        "--data",
        folder / MINI.name,
        "--limit",
        "250",
        "--crops",
        "144",
        "--out",
        tmp_path / "runs",
    ]
    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node=2", *map(str, evaluate)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert "which is chance" in done.stderr
    with pytest.raises(IncompleteRun):
        list(only(tmp_path / "runs").shards())


def test_ranks_end_when_torchrun_is_gone_and_one_process_goes_on(alone, tmp_path):
    process = torchrun(2, tmp_path)
    until(lambda: list(tmp_path.glob("*/shards/0*")), process)
    process.kill()
    _, stderr = process.communicate(timeout=60)  # which ends when the last rank does
    assert "inception-bench: torchrun's rendezvous store cannot be reached" in stderr
    assert "start the same command again" in stderr
    done = subprocess.run(
        [sys.executable, *EVAL, "--out", tmp_path], capture_output=True, text=True, timeout=300
    )
    assert (shards_of(only(tmp_path)), table(done.stdout)) == alone
