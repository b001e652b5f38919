"""What came out: runs on disk, their tables, published figures, reports. Knows no network and no pixels."""

from results.errors import IncompleteRun, RunError

__all__ = ["IncompleteRun", "RunError"]
