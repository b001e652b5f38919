"""What came out: runs on disk, their tables, published figures, reports. Knows no network and no pixels."""

from results.errors import IncompleteRun, RunError
from results.run import Run

__all__ = ["IncompleteRun", "Run", "RunError"]
