"""The command line with shards of 48 crops, which ends or pauses at a write: a program of the tests.

python -m tests.small_shards eval ...   runs the command; where PAUSE names a pipe, it waits for that pipe
                                        once it has written the tenth shard of four images
"""

import os
import signal
from pathlib import Path

from bench.cli import app
from bench.evaluation import engine
from results import storage
from results.run import Shard

engine.SHARD_CROPS = 48
TENTH = Shard.file_name(36, 40)


def pause_after_the_tenth_shard(pipe: Path) -> None:
    """Have this process wait after that write, until somebody has opened the named pipe and closed it."""
    write = storage._write_file

    def write_and_pause(path: Path, data: bytes) -> None:
        write(path, data)
        if path.name == TENTH:
            pipe.read_bytes()

    storage._write_file = write_and_pause


def end_at_a_write(number: int, moment: str, by: int) -> None:
    """Have this process send itself the signal `by` before, in the middle of, or after its n-th write."""
    write = storage._write_file
    writes = 0

    def write_and_end(path: Path, data: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes != number:
            write(path, data)
            return
        if moment == "half-written":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.0.part").write_bytes(data[: len(data) // 2])
        if moment == "after":
            write(path, data)
        os.kill(os.getpid(), by)

    storage._write_file = write_and_end


def run(arguments: list[str], write: int, moment: str, by: int) -> None:
    """Run a command that may end at a write."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background ignores
    end_at_a_write(write, moment, by)
    app(arguments)


if __name__ == "__main__":
    if "PAUSE" in os.environ:
        pause_after_the_tenth_shard(Path(os.environ["PAUSE"]))
    app()
