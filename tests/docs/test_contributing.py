"""What the contributor's guide says of the code."""

import re
import zipfile

import pytest

from results.tables import accuracy
from tests.docs.pages import ROOT, blocks
from tests.helpers import random_run

PAGE = (ROOT / "docs" / "contributing.md").read_text("utf-8")
MODULES = {block.title: block.text for block in blocks(PAGE) if block.title}
FILES = re.findall(r"\b((?:bench|crops|docs|results|tests)/[\w./-]*\.\w+)", PAGE)


def example(name):
    """The names of a module that the guide adds."""
    names = {}
    exec(compile(MODULES[name], name, "exec"), names)
    return names


@pytest.mark.parametrize("file", sorted(set(FILES) - set(MODULES)))
def test_named_file_exists(file):
    left_open = "NAME" in file  # as in bench/zoo/from_NAME.py
    assert (ROOT / file).exists() or left_open


def test_added_format_writes_the_table(tmp_path):
    text = example("results/report/adoc.py")["write"](accuracy([random_run(tmp_path / "a|b", 1)]))
    lines = text.splitlines()
    assert lines[:2] == ["[%header]", "|==="]
    assert lines[2].startswith("| model | protocol | images | n | top-1 error")
    assert [line.count("|") for line in lines[4:6]] == [lines[2].count("|")] * 2


def test_added_reader_reads_the_images(tmp_path):
    from bench.errors import DataError

    read_zip = example("bench/data/zip_file.py")["zip_files"]
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in ("b.jpg", "n01440764/a.png", "notes.txt"):
            archive.writestr(name, f"bytes of {name}")
    files = read_zip(tmp_path / "images.zip")
    assert (files.names, files.ignored) == (["b.jpg", "n01440764/a.png"], 1)
    assert [files.read(i) for i in (0, 1)] == [b"bytes of b.jpg", b"bytes of n01440764/a.png"]
    assert files.sizes == [14, 24]
    (tmp_path / "images.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"images.zip is damaged: File is not a zip file; fetch it again"):
        read_zip(tmp_path / "images.zip")
