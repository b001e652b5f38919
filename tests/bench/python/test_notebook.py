"""docs/notebook.ipynb prints what is stored in it. `python docs/execute_notebook.py` stores it again."""

import ast
import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "notebook.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def namespace(tmp_path, monkeypatch):
    """Where the cells run: in an empty folder, without a GPU."""
    altair = pytest.importorskip("altair")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    yield {}
    altair.renderers.enable("default")


def stored(cell):
    """What a cell printed on stdout, and its result by MIME type."""
    outputs = cell["outputs"]
    printed = ["".join(each["text"]) for each in outputs if each.get("name") == "stdout"]
    results = [each["data"] for each in outputs if each["output_type"] == "execute_result"]
    return "".join(printed), {kind: "".join(text) for each in results for kind, text in each.items()}


def executed(source, namespace):
    """The same, of a cell that is executed now: as Jupyter shows the value of its last expression."""
    formatters = pytest.importorskip("IPython.core.formatters", reason="notebooks need IPython")
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "cell", "exec"), namespace)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace) if last else None
    shown = {} if value is None else formatters.DisplayFormatter().format(value)[0]
    return printed.getvalue(), shown


def test_cells_print_what_is_stored(namespace):
    assert len(CELLS) > 10
    for cell in CELLS:
        source = "".join(cell["source"])
        (printed, shown), (expected, results) = executed(source, namespace), stored(cell)
        assert printed == expected
        assert shown.keys() == results.keys()
        texts = [kind for kind in results if kind.startswith("text/")]
        assert {kind: shown[kind] for kind in texts} == {kind: results[kind] for kind in texts}, source
