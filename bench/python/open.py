"""`bench.open`: a run from its name."""

from pathlib import Path

from bench.options import DEFAULTS
from bench.python.arguments import checks_arguments
from results.run import Run
from results.run_list import find_run


@checks_arguments
def open(path: str | Path) -> Run:  # noqa: A001 - `bench.open` is the name that people look for
    """Open a run by its folder, or by the beginning or the end of its folder's name, as commands take it.

    `bench.open("v3-val")` is the one run in `runs` whose name begins so, and `bench.open("1a2b3c4d")` the
    one whose name ends so. Raises `results.RunError` where there is none, or there are several, and
    `results.IncompleteRun` where the manifest is damaged.
    """
    return Run.open(find_run(str(path), DEFAULTS.out))
