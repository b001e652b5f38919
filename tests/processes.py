"""Evaluations in processes of their own, which are watched, and ended by a signal or at a write."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from results.run import Run

PYTHON = [sys.executable, "-m", "bench"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
PATIENCE = 600.0
"""Seconds after which something that does not come counts as failed; the machine may be busy."""

SMALL_SHARDS = """
import json, os, signal, sys
import torch
from bench.cli import app
from bench.evaluation import engine, evaluate
from bench.zoo import from_papers
from results import storage, tables

engine.SHARD_CROPS = 48
write = storage._write_file
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background ignores

def call(job):
    writes = 0

    def write_and_end(path, data):
        nonlocal writes
        writes += 1
        if writes != job["write"]:
            return write(path, data)
        if job["moment"] == "half-written":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.0.part").write_bytes(data[: len(data) // 2])
        if job["moment"] == "after":
            write(path, data)
        os.kill(os.getpid(), job["signal"])

    storage._write_file = write_and_end
    for number, path in ((1, job["stdout"]), (2, job["stderr"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    try:
        app(job["arguments"])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code or 0)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        call(json.loads(line))
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
"""Reads jobs, and runs the command line for each, with shards of 48 crops, in a child that is forked off.

So everything is imported once. A child ends itself by a signal before, in the middle of, or after a write.
"""


@dataclass
class SmallShards:
    """The command line with shards of 48 crops, in children of a process that has imported everything."""

    folder: Path
    """For what the children print."""
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", SMALL_SHARDS]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def run(
        self, *arguments: object, moment: str = "never", write: int = 0, by: signal.Signals = signal.SIGKILL
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, or until it ends itself `before`, `half-written` or `after` its n-th write."""
        assert self.process.stdin
        assert self.process.stdout
        stdout, stderr = self.folder / "stdout", self.folder / "stderr"
        words = list(map(str, arguments))
        job = {"arguments": words, "moment": moment, "write": write, "signal": int(by)}
        print(
            json.dumps(job | {"stdout": str(stdout), "stderr": str(stderr)}),
            file=self.process.stdin,
            flush=True,
        )
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(words, code, stdout.read_text(), stderr.read_text())

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def start(*arguments: object) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return popen([*PYTHON, *arguments])


def popen(command: list[object]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(list(map(str, command)), stdout=pipe, stderr=pipe, text=True)


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, to its end."""
    done = subprocess.run(
        list(map(str, [*PYTHON, *arguments])), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == code, done.stderr
    return done


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a good end: what was printed on stderr."""
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    return stderr


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait until something has happened while the process runs."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        os.sched_yield()
        time.sleep(0.01)


def wait_for_a_shard(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until the process has written a shard to `out`."""
    wait_until(lambda: shard_files(out), process)


def pause(process: subprocess.Popen[str]) -> None:
    """Stop a process where it is, so that it cannot come to its end meanwhile."""
    process.send_signal(signal.SIGSTOP)


def resume(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGCONT)


def shard_files(out: Path) -> dict[str, bytes]:
    """Each shard's bytes by the name of its file, of the one run in `out`."""
    return {path.name: path.read_bytes() for path in Path(out).glob("*/shards/[!.]*")}


def only_run(out: Path) -> Run:
    """The one run in `out`."""
    (opened,) = (Run.open(path.parent) for path in Path(out).glob("*/manifest.json"))
    return opened


def printed_table(stdout: str) -> list[str]:
    """The lines that were printed, except the one that says where the run lies."""
    return [line for line in stdout.splitlines() if not line.startswith("run: ")]
