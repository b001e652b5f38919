"""What can go wrong, as the user sees it: each message is one line that says what, where and what to do.

BenchError                 the work failed                                            exit code 1
    UsageError             the command asks for something that does not exist                   2
    DataError              the images, labels, devkit or blacklist cannot be used               1
        UnreadableImage        one image cannot be decoded
        ImplausibleLabels      predictions and labels do not fit together
    WeightsError           weights cannot be fetched, read or fitted to the network              1
    NotFinite              a loss, a parameter or an output is infinite or no number              1
    AnotherRankFailed      another rank of torchrun failed, and prints the line                  1
results.RunError           a run cannot be read or written                                       1
    RunUsageError          runs are asked for what they do not have                              2
    IncompleteRun          images are missing from a run, or it is damaged                       4
crops.ProtocolError        a protocol that cannot be read                                        2
Terminated                 the process was asked to end                                        143
"""

from typing import ClassVar


class BenchError(Exception):
    """The work failed. Exit code 1."""

    exit_code: ClassVar[int] = 1


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM. Nothing that catches errors may catch this."""


class UsageError(BenchError):
    """The command or call asks for something that does not exist or does not fit together. Exit code 2."""

    exit_code = 2


class DataError(BenchError):
    """The images, labels, devkit or blacklist cannot be used as they are."""


class UnreadableImage(DataError):  # noqa: N818 - names what it is
    """One image cannot be decoded."""


class ImplausibleLabels(DataError):  # noqa: N818 - names what they are
    """Predictions and labels agree no better than by chance, or far better in another order of the
    classes.
    """


class WeightsError(BenchError):
    """Weights cannot be fetched, read or fitted to the network."""


class NotFinite(BenchError):  # noqa: N818 - names what it is
    """A loss, a parameter or an output of a network is infinite or no number."""


class AnotherRankFailed(BenchError):  # noqa: N818 - names what happened
    """Another rank of torchrun failed; that one prints the line."""


OUT_OF_MEMORY = (
    "out of memory",  # CUDA, MPS
    "allocate memory",  # torch on CPUs
    "bad_alloc",  # C++
    "could not create a primitive",  # oneDNN
    "alloc_failed",  # cuDNN, cuBLAS
    "cublascreate",  # cuBLAS, which needs memory for its handle
    "unable to find an engine",  # cuDNN, when none has a workspace that fits
    "cudnn_status_not_supported",  # the same, in older words
    "invalid buffer size",  # MPS
    "insufficient memory",  # Metal
    "out_of_device_memory",  # XPU
    "out_of_host_memory",
    "start new thread",  # Python, which needs memory for that
    "error return without exception set",  # Python, while it imports a module
)
"""What errors that mean too little memory say, by whom, in small letters."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory did not suffice, on a CPU or on a GPU.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY)


def first_line(error: BaseException) -> str:
    r"""The first line of an error's text, or the name of its kind where it has none.

    >>> first_line(ValueError("no such file\nhint: look elsewhere")), first_line(MemoryError())
    ('no such file', 'MemoryError')
    """
    return next(iter(str(error).splitlines()), "") or type(error).__name__
