"""What downloads of weights and of data sets share."""

import io
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

REASON_LENGTH = 120
"""Most characters that an error quotes from a download client."""


@contextmanager
def quiet_downloads() -> Iterator[None]:
    """Keep download clients from printing, but for progress bars, which are on stderr.

    They announce each file and each of several retries. Where the logger `inception-bench` is at DEBUG, all
    of that goes to stderr.
    """
    if logging.getLogger("inception-bench").isEnabledFor(logging.DEBUG):
        with redirect_stdout(sys.stderr):
            yield
        return
    hub_client = logging.getLogger("huggingface_hub")
    level = hub_client.level
    hub_client.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()):  # where torch and pytorchcv print
            yield
    finally:
        hub_client.setLevel(level)


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
