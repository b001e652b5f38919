"""Evaluations in processes of their own, which are watched, and ended by a signal or at a write."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from results.run import Run

T = TypeVar("T")

PYTHON = [sys.executable, "-m", "bench"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
PATIENCE = 3600.0
"""Seconds after which something that does not come counts as failed; the machine may be busy."""

SMALL_SHARDS = [sys.executable, "-m", "tests.small_shards"]
"""The command line with shards of 48 crops, so that a few images are many shards."""


SERVE = """
import json, os, sys
exec(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        try:
            exec(job["script"])
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        os._exit(code)  # without the time that torch takes to end
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """A process that runs Python in children that it forks off, so that everything is imported once."""

    def __init__(self, folder: Path, imports: str, environment: dict[str, str] | None = None) -> None:
        """`folder` is for what the children print. `imports` is Python that runs first, once."""
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, imports], stdin=pipe, stdout=pipe, text=True, env=environment
        )

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script in a child, to its end."""
        assert self.process.stdin
        assert self.process.stdout
        job = {"script": script, "stdout": str(self.stdout), "stderr": str(self.stderr)}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(script, code, self.stdout.read_text(), self.stderr.read_text())

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@dataclass
class SmallShards:
    """The command line with shards of 48 crops, in children of a process that has imported everything."""

    forks: Forks

    def run(
        self, *arguments: object, moment: str = "never", write: int = 0, by: signal.Signals = signal.SIGKILL
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, or until it ends itself `before`, `half-written` or `after` its n-th write."""
        words = list(map(str, arguments))
        return self.forks.run(f"tests.small_shards.run({words}, {write}, {moment!r}, {int(by)})")


def popen(command: list[object], **variables: object) -> subprocess.Popen[str]:
    """A process, with these variables in its environment, whose output is kept."""
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    pipe = subprocess.PIPE
    return subprocess.Popen(list(map(str, command)), stdout=pipe, stderr=pipe, text=True, env=environment)


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, to its end."""
    done = subprocess.run(
        list(map(str, [*PYTHON, *arguments])), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == code, done.stderr
    return done


def end_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a process has printed on stdout and stderr when it has ended well."""
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    return stdout, stderr


def wait_until(condition: Callable[[], T], process: subprocess.Popen[str]) -> T:
    """Wait until something has happened while the process runs: what `condition` returns then."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@contextmanager
def paused(pipe: Path, process: subprocess.Popen[str]) -> Iterator[None]:
    """The time in which a process, or one that it started, waits at this pipe: in the middle of its run."""

    def open_the_other_end() -> int | None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # as long as nobody waits there
            return None

    descriptor = wait_until(open_the_other_end, process)
    assert descriptor
    yield
    os.close(descriptor)


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
