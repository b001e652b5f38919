"""What can be wrong with a run, as the user sees it: each message is one line that says what, where and what to do."""


class RunError(Exception):
    """A run cannot be read or written. Exit code 1."""

    exit_code = 1


class RunUsageError(RunError):
    """Runs are asked for what they do not have, or in a way that means nothing. Exit code 2."""

    exit_code = 2


class IncompleteRun(RunError):  # noqa: N818 - what it is, not that it is an error
    """Images are missing from a run, or what is there of it is not what was written. Exit code 4."""

    exit_code = 4
