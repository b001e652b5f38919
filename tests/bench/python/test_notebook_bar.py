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
    assert values == ["0.250", "0.500", "1.000"]
    assert updates[-1].startswith("4 of 4 images, ")
    assert updates[-1].endswith("top-1 error 50.0 %")


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


def test_download_is_shown_in_bytes_and_the_images_after_it_have_a_bar_of_their_own(updates, monkeypatch):
    monkeypatch.setattr("bench.python.notebook_bar.INTERVAL", 0)
    with NotebookBar() as bar:
        bar.receive(1_000_000, 4_000_000)
        bar.receive(4_000_000, 4_000_000, finished=True)
        bar.start(2, Done())
        bar.advance(Done(images=2))
    assert ["<progress" in text for text in updates] == [True, True, True, False, True, True, False]
    assert "MB" in updates[3]
    assert updates[-1].startswith("2 of 2 images")
