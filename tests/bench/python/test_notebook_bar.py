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
        bar.step("evaluating <v3>")
        bar.start(4, Done(images=1))
        bar.advance(Done(images=1, crops=12, judged=2, right=1))
        bar.advance(Done(images=2))
    step, *bars, last = updates
    assert step == "evaluating &lt;v3&gt;"
    assert [text.partition('"')[2].partition('"')[0] for text in bars] == ["0.250", "0.500"]
    assert last.startswith("evaluating &lt;v3&gt;: 4 images in ")
    assert last.endswith("top-1 error 50.0 %")


def test_bar_changes_only_now_and_then(updates, monkeypatch):
    monkeypatch.setattr("bench.python.notebook_bar.INTERVAL", 1e9)
    with NotebookBar() as bar:
        bar.start(4, Done())
        bar.advance(Done(images=3))
    assert updates[0].startswith("<progress")
    assert updates[1:] == ["3 of 4 images" + updates[1].removeprefix("3 of 4 images")]


def test_steps_leave_nothing_and_notes_stay(updates, capsys):
    with NotebookBar() as bar:
        bar.note("complete\n\x1b")
        bar.step("opening data")
    assert updates == ["opening data", ""]
    assert capsys.readouterr().err == "note: complete \\x1b\n"
