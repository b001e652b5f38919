"""What came out: runs on disk, their tables, published figures, reports. Knows no network and no pixels."""

from results.run import IncompleteRun, Run, RunError

__all__ = ["IncompleteRun", "Run", "RunError"]
