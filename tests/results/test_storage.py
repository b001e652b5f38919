import subprocess
import sys
from pathlib import Path

import pytest

from results.errors import RunError, RunUsageError
from results.storage import is_local, leftovers, parse_path, read, remove, write


def test_path_of_this_machine_and_url_are_told_apart():
    assert parse_path("runs") == Path("runs")
    assert parse_path("~/runs") == Path.home() / "runs"
    assert is_local(parse_path("runs"))
    assert not is_local(parse_path("memory://runs"))


def test_url_that_no_package_reads_is_refused():
    with pytest.raises(RunUsageError, match=r"abacus://runs cannot be reached .*: install what reads it"):
        parse_path("abacus://runs")


@pytest.mark.parametrize("url", ["", "memory://"])
def test_file_is_read_as_written_and_removed(tmp_path, url):
    path = parse_path(f"{url}{tmp_path}") / "folder" / "file"
    write(path, b"0123456789")
    assert read(path) == b"0123456789"
    assert (read(path, 2, 5), read(path, 7)) == (b"234", b"789")
    write(path, b"new")
    assert read(path) == b"new"
    remove(path.parent)
    assert not path.exists()
    remove(path.parent)


def test_write_leaves_no_temporary_file(tmp_path):
    write(tmp_path / "file", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / ".file.0123.part").touch()
    assert leftovers(tmp_path) == [tmp_path / ".file.0123.part"]
    assert leftovers(parse_path("memory://")) == []


def test_failed_write_leaves_the_old_content(tmp_path):
    """On a full file system of 64 KiB, in a namespace of its own."""
    script = f"""
import sys, pathlib
sys.path[:0] = {sys.path!r}
from results.errors import RunError
from results.storage import write
target = pathlib.Path({str(tmp_path)!r}, "manifest.json")
write(target, b"old")
try:
    write(target, b"x" * 1_000_000)
except RunError as error:
    print(error)
print(target.read_bytes(), sorted(path.name for path in target.parent.iterdir()))
"""
    mounted = f'mount -t tmpfs -o size=64k tmpfs "{tmp_path}" && exec "{sys.executable}" -c "$0"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", mounted, script], capture_output=True, text=True)
    if "RunError" not in done.stderr and done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert (
        "No space left on device; make room or choose another place, and the same command continues"
        in done.stdout
    )
    assert "b'old' ['manifest.json']" in done.stdout


def test_write_below_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*file/runs/manifest\.json"):
        write(tmp_path / "file" / "runs" / "manifest.json", b"")
