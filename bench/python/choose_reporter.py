"""What a caller in Python sees while an evaluation runs."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from bench.display import Console
from bench.distributed import is_first
from bench.progress import Reporter, Silent


@contextmanager
def choose_reporter(progress: bool, reporter: Reporter | None) -> Iterator[Reporter]:
    """The caller's own reporter; or with `progress` what the command line shows, in a notebook a bar there.

    Of torchrun's ranks only the first shows anything.
    """
    if reporter is not None:
        yield reporter
    elif not progress or not is_first():
        yield Silent()
    elif in_notebook():
        from bench.python.notebook_bar import NotebookBar

        with NotebookBar() as bar, warnings.catch_warnings():
            # of the bars of downloads, which need ipywidgets
            warnings.filterwarnings("ignore", message="IProgress not found")
            yield bar
    else:
        with Console() as console:
            yield console


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this program."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
