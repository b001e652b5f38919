"""What downloads of weights and of data sets share: their progress, and what is shown of their errors."""

import hashlib
import io
import logging
import os
import re
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.progress import REPORTER, Reporter, Silent

REASON_LENGTH = 120
"""Most characters that an error quotes from a download client."""

CHUNK = 2**17
"""Bytes that are read at a time."""

TIMEOUT = 60.0
"""Seconds without a byte after which a download fails."""


class Transfer:
    """The downloads of one thing, such as the files of a split, counted together."""

    def __init__(self, what: str, reporter: Reporter) -> None:
        self.what, self.reporter = what, reporter
        self.received = self.size = 0
        self.lock = threading.Lock()  # several files come at a time

    def expect(self, size: int, received: int) -> None:
        """A file of so many bytes begins, of which `received` are here."""
        with self.lock:
            if not self.size:
                self.reporter.step(f"fetching {self.what}")
            self.size += size
            self.received += received
            self.reporter.receive(self.received, self.size)

    def add(self, received: int) -> None:
        """So many bytes came."""
        with self.lock:
            self.received += received
            self.size = max(self.size, self.received)
            self.reporter.receive(self.received, self.size)

    def finish(self) -> None:
        """All is here."""
        if self.size:
            self.reporter.receive(self.received, self.size, finished=True)
            self.reporter.step(f"reading {self.what}")


_transfers = [Transfer("", Silent())]
"""What is being fetched is the last: all files of one thing come before the next."""


class Bar(tqdm):  # type: ignore[misc]
    """What the hub's client takes for its progress bar. It draws nothing, and counts for the reporter."""

    def __init__(self, *_: Any, total: float | None = None, initial: float = 0, **__: Any) -> None:
        super().__init__(disable=True)
        _transfers[-1].expect(int(total or 0), int(initial))

    def update(self, n: float | None = 1) -> None:
        """So many bytes are written."""
        _transfers[-1].add(int(n or 0))

    def update_transfer(self, n: float) -> None:
        """So many came, which counts once they are written. Having this, the client makes one bar a file."""

    def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None:
        """The client's own words for its speed."""


@contextmanager
def shown_downloads(what: str) -> Iterator[None]:
    """Show the progress of what is fetched inside, and keep download clients from printing.

    They announce each file and each of several retries. Where the logger `inception-bench` is at DEBUG, all
    of that goes to stderr.
    """
    debugging = logging.getLogger("inception-bench").isEnabledFor(logging.DEBUG)
    hub_client = logging.getLogger("huggingface_hub")
    level = hub_client.level
    if not debugging:
        hub_client.setLevel(logging.CRITICAL)
    _transfers.append(Transfer(what, REPORTER.get()))
    try:
        with redirect_stdout(sys.stderr if debugging else io.StringIO()):  # where torch and pytorchcv print
            yield
        _transfers[-1].finish()
    finally:
        _transfers.pop()
        hub_client.setLevel(level)


def fetch_file(url: str, path: Path, digest: str = "") -> None:
    """Write the file at `url` to `path`, once all of it is here. `digest` begins its sha256.

    Raises `OSError`, `http.client.HTTPException`, and `ValueError` for another hash or an address that is
    none.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "inception-bench"})  # noqa: S310
    sha256, received = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with (
            urllib.request.urlopen(request, timeout=TIMEOUT) as answer,  # noqa: S310
            part.open("wb") as file,
        ):
            size = int(answer.headers.get("Content-Length") or 0)
            bar = Bar(total=size)
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                sha256.update(chunk)
                received += len(chunk)
                bar.update(len(chunk))
        if size and received != size:
            raise OSError(f"it ended after {received:,} of {size:,} bytes")
        if not sha256.hexdigest().startswith(digest):
            raise ValueError(f'invalid hash value (expected "{digest}", got "{sha256.hexdigest()}")')
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def first_cause(error: BaseException) -> str:
    """The first cause of an error in a few words, such as `Name or service not known`.

    Clients wrap it in several errors of their own, whose texts repeat the address.
    """
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    line = re.sub(r"^\[Errno -?\d+\] ", "", line)
    line = re.sub(r"(https?://[^/\s'\"]+)/[^\s:'\"]*", r"\1", line)
    return line if len(line) <= REASON_LENGTH else f"{line[: REASON_LENGTH - 3]}..."
