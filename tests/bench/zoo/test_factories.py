"""Functions of the user's: found, called, and every way in which that fails."""

import sys

import pytest

from bench.errors import BenchError, UsageError
from bench.zoo.factories import call_factory

NETS = """
import sys
print("imported")
constant = 3
def make(): return "made"
def optional(width=1, *more, **others): return width
def wide(width, depth): return None
def broken(): raise ValueError("of no use\\nsecond line")
def leaves(): sys.exit(7)
class Net: pass
"""


@pytest.fixture
def nets(tmp_path):
    (tmp_path / "nets.py").write_text(NETS)
    return f"{tmp_path}/nets.py"


def test_factory_in_a_file_is_called(nets):
    assert call_factory(f"{nets}:make") == "made"
    assert call_factory(f"{nets}:optional") == 1
    assert type(call_factory(f"{nets}:Net")).__module__ == "nets"


def test_factory_of_a_module_in_the_current_folder_is_called(nets, monkeypatch, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "inner.py").write_text("def make(): return 'inner'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])  # as a console script has it
    assert call_factory("package.inner:make") == "inner"
    assert call_factory("./nets.py:make") == "made"


def test_factory_of_an_installed_module_is_called():
    assert call_factory("collections:OrderedDict") == {}


def test_what_the_code_prints_is_not_on_stdout(nets, capsys):
    call_factory(f"{nets}:make")
    assert capsys.readouterr() == ("", "imported\n")


def test_files_beside_the_factory_can_be_imported_until_it_returns(tmp_path):
    before = list(sys.path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "layers_of_test.py").write_text(f"name = '{folder}'")
        (tmp_path / folder / "late_of_test.py").write_text(f"name = 'late {folder}'")
        (tmp_path / folder / "nets_of_test.py").write_text(
            "from layers_of_test import name\n"
            "def make():\n"
            "    import late_of_test\n"
            "    return name, late_of_test.name\n"
        )
    made = [call_factory(f"{tmp_path}/{folder}/nets_of_test.py:make") for folder in ("one", "two", "one")]
    assert made == [("one", "late one"), ("two", "late two"), ("one", "late one")]
    assert sys.path == before


def test_file_with_the_name_of_a_library_does_not_take_its_place(tmp_path):
    import timm

    (tmp_path / "timm.py").write_text("def make(): return 'mine'")
    assert call_factory(f"{tmp_path}/timm.py:make") == "mine"
    assert sys.modules["timm"] is timm


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        ("maek", UsageError, r"no factory '.*nets\.py:maek': try .*nets\.py:make"),
        ("constant", UsageError, r"nets\.py:constant is int: name a function that returns a network"),
        ("wide", UsageError, r"nets\.py:wide needs width, depth: name a function that takes no arguments"),
        ("broken", BenchError, r"nets\.py:broken cannot make a network \(ValueError: of no use\)$"),
        ("leaves", BenchError, r"nets\.py:leaves cannot make a network \(SystemExit: 7\)$"),
    ],
)
def test_factory_that_cannot_be_used_is_one_line(nets, factory, error, message):
    with pytest.raises(error, match=message):
        call_factory(f"{nets}:{factory}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def make(:", r"own\.py cannot be imported \(SyntaxError: invalid syntax"),
        ("import no_such_library", r"own\.py cannot be imported \(ModuleNotFoundError: No module named 'no_"),
        ("raise SystemExit", r"own\.py cannot be imported \(SystemExit: SystemExit\)"),
    ],
)
def test_file_that_cannot_be_imported_is_one_line(tmp_path, content, message):
    (tmp_path / "own.py").write_text(content)
    with pytest.raises(BenchError, match=message):
        call_factory(f"{tmp_path}/own.py:make")
    assert "own" not in sys.modules


def test_file_and_module_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"no network at .*none\.py: there is no such file"):
        call_factory(f"{tmp_path}/none.py:make")
    with pytest.raises(UsageError, match="no module 'no_such' is installed or in this folder: write PACKAGE"):
        call_factory("no_such.module:make")
