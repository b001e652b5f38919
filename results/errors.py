"""What can be wrong with runs. Each message is one line that says what, where and what to do.

RunError            a run cannot be read or written              exit code 1
  HoldsDetections   it has detections in place of predictions    exit code 1
  RunUsageError     the call asks for what the runs lack         exit code 2
  IncompleteRun     images are missing, or files are damaged     exit code 4
"""


class RunError(Exception):
    """A run cannot be read or written. Exit code 1."""

    exit_code = 1


class HoldsDetections(RunError):  # noqa: N818 - names what the run holds
    """A run has detections where predictions for whole images are needed."""


class RunUsageError(RunError):
    """The call wants something that the runs do not have, or that has no meaning. Exit code 2."""

    exit_code = 2


class IncompleteRun(RunError):  # noqa: N818 - names the state of the run
    """Images are missing from a run, or its files are not what was written. Exit code 4."""

    exit_code = 4
