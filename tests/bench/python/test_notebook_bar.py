from types import SimpleNamespace

import pytest

from bench.progress import Done
from bench.python.notebook_bar import NotebookBar


@pytest.fixture
def updates(monkeypatch):
    """What the bar has shown, in HTML."""
    display = pytest.importorskip("IPython.display", reason="notebooks need IPython")
    found = []

    def show(content, display_id=None):
        found.append(content.data)
        return SimpleNamespace(update=show)

    monkeypatch.setattr(display, "display", show)
    return found


def test_bar_moves_and_ends_as_a_line(updates, monkeypatch):
    monkeypatch.setattr("bench.python.notebook_bar.INTERVAL", 0)
    with NotebookBar() as bar:
        bar.start(4, Done(images=1))
        bar.advance(Done(images=1, crops=12, judged=2, right=1))
        bar.advance(Done(images=2))
    values = [text.partition('"')[2].partition('"')[0] for text in updates[:-1]]
    assert values == ["1", "2", "4"]
    assert updates[-1].startswith("4 of 4 images, ")
    assert updates[-1].endswith("top-1 error so far 50.0 %")


def test_bar_changes_only_now_and_then(updates, monkeypatch):
    monkeypatch.setattr("bench.python.notebook_bar.INTERVAL", 1e9)
    with NotebookBar() as bar:
        bar.start(4, Done())
        bar.advance(Done(images=4))
    assert len(updates) == 2


def test_evaluation_that_is_done_shows_notes_alone(updates, capsys):
    with NotebookBar() as bar:
        bar.note("complete\n\x1b")
    assert updates == []
    assert capsys.readouterr().err == "note: complete \\x1b\n"
