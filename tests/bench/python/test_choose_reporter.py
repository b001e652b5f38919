import sys
from types import SimpleNamespace

import pytest

from bench.display import Console
from bench.progress import Silent
from bench.python.choose_reporter import choose_reporter
from bench.python.notebook_bar import NotebookBar


def shown(progress=True, reporter=None):
    with choose_reporter(progress, reporter) as found:
        return type(found)


def test_progress_is_that_of_the_command_line_unless_it_is_switched_off(monkeypatch):
    assert shown() is Console
    assert shown(progress=False) is Silent
    assert shown(reporter=Silent()) is Silent
    monkeypatch.setattr("bench.python.choose_reporter.is_first", lambda: False)
    assert shown() is Silent


@pytest.mark.parametrize(("shell", "kind"), [(SimpleNamespace(kernel=1), NotebookBar), (None, Console)])
def test_notebook_has_a_bar_of_its_own_and_a_plain_shell_has_not(monkeypatch, shell, kind):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert shown() is kind
