"""stdout and stderr, made so that a command does its work whatever becomes of them."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDERR = 2
"""The descriptor of stderr."""


def repair_streams() -> None:
    """Have stdout and stderr take all that is printed.

    Where they are closed, or their reader is gone, it is dropped. Characters that their encoding lacks become
    backslash escapes.
    """
    for descriptor in range(STDERR + 1):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file that is opened would take its place
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = _repaired(sys.stdout, sys.__stdout__)
    sys.stderr = _repaired(sys.stderr, sys.__stderr__)


def _repaired(stream: TextIO | None, original: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w")
    if stream is not original:  # whoever put it there knows what it takes
        return stream
    assert isinstance(stream, io.TextIOWrapper)
    stream.reconfigure(errors="backslashreplace")
    if stream.isatty():
        return stream
    raw = io.BufferedWriter(_Steady(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)


class _Steady(io.FileIO):
    """A file that becomes /dev/null at its first error, so that Python's last flush has no second one.

    The error is raised, but not that of a reader who is gone, as `head` is when it has enough. Nor is one of
    stderr, where it would be printed.
    """

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if isinstance(error, BrokenPipeError) or self.fileno() == STDERR:
                return super().write(data)
            raise
