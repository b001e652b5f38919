"""The results: runs on disk, their tables, published figures and reports. Knows no networks and no pixels."""

from results.errors import IncompleteRun, RunError

__all__ = ["IncompleteRun", "RunError"]
