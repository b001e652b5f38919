import pytest

from bench.data.patterns import expand_braces, find_by_pattern
from bench.errors import DataError


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("val.tar", ["val.tar"]),
        ("{a,b}/{1..2}.tar", ["a/1.tar", "a/2.tar", "b/1.tar", "b/2.tar"]),
        ("{098..101}", ["098", "099", "100", "101"]),
        ("x{,y}", ["x", "xy"]),
        ("{3..1}", []),
    ],
)
def test_braces_expand_as_in_a_shell(pattern, names):
    assert list(expand_braces(pattern)) == names


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{3..1}.tar", "names no file: write the first and the last number"),
        ("{0..99999999999999}.tar", "names 100,000 files or more"),
        ("{0..99999}{0..99999}.tar", "names 100,000 files or more"),
        ("{a,a}.tar", "names a file more than once"),
        ("none-*.tar", r"^no file is named like /.*/none-\*\.tar: correct the pattern"),
    ],
)
def test_pattern_without_its_files_is_refused(tmp_path, pattern, message):
    (tmp_path / "a.tar").touch()
    with pytest.raises(DataError, match=message):
        find_by_pattern(tmp_path / pattern)
