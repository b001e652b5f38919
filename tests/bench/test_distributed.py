"""Ranks under torchrun, in processes of their own: the same bytes whatever their number, and whatever becomes of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def torchrun(ranks, out, *more, **options):
    command = [*TORCHRUN, f"--nproc-per-node={ranks}", *more, *EVAL, "--out", out]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """(shards, table) of the run of one process that nothing disturbs."""
    out = tmp_path_factory.mktemp("alone")
    done = subprocess.run([sys.executable, *EVAL, "--out", out], capture_output=True, text=True, timeout=300, check=True)
    return shards_of(only(out)), table(done.stdout)


def table(stdout):
    """What was printed, but for where the run lies."""
    return [line for line in stdout.splitlines() if not line.startswith("run: ")]


def counted_once(run):
    ids = [image_id for shard in run.shards() for image_id in shard.ids]
    return len(ids) == len(set(ids)) == 200


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_any_number_of_ranks_gives_the_same_bytes(alone, tmp_path, ranks):
    process = torchrun(ranks, tmp_path)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert (shards_of(only(tmp_path)), table(stdout)) == alone
    assert counted_once(only(tmp_path))
    assert "200 of 200 images" in stderr


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_is_killed_is_started_again(alone, tmp_path, victim):
    process = torchrun(2, tmp_path, "--max-restarts=1")
    until(lambda: list(tmp_path.glob("*/shards/0*")), process)
    os.kill(rank_of(process, victim), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "is continued" in stderr
    assert (shards_of(only(tmp_path)), table(stdout)) == alone
    assert counted_once(only(tmp_path))


def rank_of(process, rank):
    """The process of that rank among the children of torchrun."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(int(child) for child in children if f"RANK={rank}" in Path(f"/proc/{child}/environ").read_text().split("\0"))


def until(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_two_machines_meet_and_write_to_one_folder(alone, tmp_path):
    """Two torchruns that find each other at an address, as on two machines that share a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    meet = ["--nnodes=2", "--rdzv-backend=c10d", f"--rdzv-endpoint={address}", "--rdzv-id=test", "--local-addr=127.0.0.1"]
    machines = [torchrun(1, tmp_path, *meet) for _ in range(2)]
    said = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert (shards_of(only(tmp_path)), [line for out, _ in said for line in table(out)]) == alone
    assert counted_once(only(tmp_path))


def test_an_ensemble_under_torchrun_is_made_and_told_of_once(tmp_path):
    evaluate = ["-m", "bench", "ensemble", "--models", "mini-v1,mini-v3", "--limit", "60", "--json", "--out", tmp_path]
    done = subprocess.run([*TORCHRUN, "--nproc-per-node=2", *evaluate], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    run = Run.open(Path(json.loads(done.stdout)["run"]))
    assert run.manifest["model"]["name"] == "mini-v1+mini-v3"
    assert sum(len(shard.ids) for shard in run.shards()) == 60


def test_ranks_that_see_other_images_are_told(tmp_path):
    command = f"exec {sys.executable} -m bench eval --limit $((20 + RANK)) --out {tmp_path}"
    torchrun = [*TORCHRUN, "--nproc-per-node=2", "--no-python", "bash", "-c", command]
    done = subprocess.run(torchrun, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "inception-bench: mini or the weights of mini-v3 differ from those of the first rank: bring the same files" in done.stderr


def test_ranks_end_when_torchrun_is_gone_and_one_process_goes_on(alone, tmp_path):
    process = torchrun(2, tmp_path)
    until(lambda: list(tmp_path.glob("*/shards/0*")), process)
    process.kill()
    _, stderr = process.communicate(timeout=60)  # which ends when the last rank does
    assert "inception-bench: torchrun's rendezvous store cannot be reached" in stderr
    assert "start the same command again" in stderr
    done = subprocess.run([sys.executable, *EVAL, "--out", tmp_path], capture_output=True, text=True, timeout=300)
    assert (shards_of(only(tmp_path)), table(done.stdout)) == alone
