"""What can go wrong, as the user sees it: each message is one line that says what, where and what to do."""


class BenchError(Exception):
    """The work failed. Exit code 1."""

    exit_code = 1


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM; nothing that catches errors may take it for one."""


class UsageError(BenchError):
    """The command or call asks for something that does not exist or does not fit together. Exit code 2."""

    exit_code = 2


class DataError(BenchError):
    """The images, labels, devkit or blacklist cannot be used as they are."""


class UnreadableImage(DataError):  # noqa: N818 - what it is, not that it is an error
    """One image cannot be decoded."""


class WeightsError(BenchError):
    """Weights cannot be fetched, read or fitted to the network."""


class ImplausibleLabels(DataError):  # noqa: N818 - likewise
    """Predictions and labels agree no better than by chance, or far better in another order of the classes."""
