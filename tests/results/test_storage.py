import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from results.errors import RunError, RunUsageError
from results.storage import (
    is_local,
    leftovers,
    parse_path,
    reaching,
    read,
    remove,
    sha256,
    write,
    write_output,
)


def test_path_of_this_machine_and_url_are_told_apart():
    assert parse_path("runs") == Path("runs")
    assert parse_path("~/runs") == Path.home() / "runs"
    assert is_local(parse_path("runs"))
    assert not is_local(parse_path("memory://runs"))


@pytest.mark.parametrize("url", ["s3://", "s3:///", "gs://"])
def test_store_without_a_bucket_is_refused(url):
    with pytest.raises(RunUsageError, match=f"{url} leads nowhere: write a bucket and a folder behind it"):
        parse_path(url)


@pytest.mark.parametrize("url", ["abacus://runs", "reference://runs", "github://runs"])
def test_url_that_no_package_reads_is_refused(url):
    with pytest.raises(RunUsageError, match=rf"{url} cannot be reached .*: install what reads it"):
        parse_path(url)


def test_empty_name_is_refused():
    with pytest.raises(RunUsageError, match=r"an empty name .*: write a file or a folder, or \. for this"):
        parse_path("")


@pytest.mark.parametrize("url", ["", "memory://"])
def test_file_is_read_as_written_and_removed(tmp_path, url):
    path = parse_path(f"{url}{tmp_path}") / "folder" / "file"
    write(path, b"0123456789")
    assert read(path) == b"0123456789"
    assert (read(path, 2, 5), read(path, 7), read(path, stop=3)) == (b"234", b"789", b"012")
    write(path, b"new")
    assert read(path) == b"new"
    write(path.parent / "other", b"")
    for _ in range(2):
        remove(path)
        assert not path.exists()
    for _ in range(2):
        remove(path.parent)
        assert not path.parent.exists()


def test_hash_is_that_of_the_standard_test_vector():
    """FIPS 180-2, appendix B.1."""
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_pipe_or_device_is_refused_before_it_is_read(tmp_path):
    """Reading it might never end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        with pytest.raises(OSError, match=rf"it is a pipe or a device, not a file.*{name}"):
            read(tmp_path / name)


def test_write_leaves_no_temporary_file(tmp_path):
    write(tmp_path / "file", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / ".file.0123.part").touch()
    assert leftovers(tmp_path) == [tmp_path / ".file.0123.part"]
    assert leftovers(parse_path("memory://")) == []


def test_file_and_then_its_folder_are_flushed_to_disk(tmp_path, monkeypatch):
    flushed = []

    def recorded(descriptor):
        names = [path.name for path in tmp_path.iterdir()]
        flushed.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), names))

    monkeypatch.setattr(os, "fsync", recorded)
    write(tmp_path / "file", b"x")
    (is_folder, (temporary,)), folder = flushed
    assert not is_folder
    assert temporary.endswith(".part")
    assert folder == (True, ["file"])


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_write_leaves_the_old_content_alone(tmp_path, monkeypatch, error):
    write(tmp_path / "file", b"old")

    def interrupt(_):
        raise error

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises((RunError, KeyboardInterrupt)):
        write(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert read(tmp_path / "file") == b"old"


def raised_by(path, error):
    """What an error becomes while `path` is reached."""
    with pytest.raises(Exception) as raised, reaching(path):  # noqa: PT011 - compared by the tests
        raise error
    return raised.value


def test_error_with_a_reason_stays_as_it_is(tmp_path):
    error = PermissionError(errno.EACCES, "Permission denied")
    assert raised_by(tmp_path, error) is error
    error = ValueError("a fault of the program")
    assert raised_by(tmp_path, error) is error


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (FileNotFoundError("no such\n  key"), FileNotFoundError, "no such key"),
        (PermissionError(), PermissionError, "PermissionError"),
        (ValueError("bad\nanswer"), OSError, "cannot be reached (ValueError: bad answer)"),
    ],
)
def test_error_of_an_object_store_gets_a_reason_on_one_line(error, kind, reason):
    path = parse_path("memory://folder/file")
    found = raised_by(path, error)
    assert type(found) is kind
    assert (found.errno, found.strerror, found.filename) == (errno.EIO, reason, str(path))


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


@pytest.mark.parametrize("old", [b"old", None], ids=["file", "nowhere"])
def test_link_is_kept_and_its_target_written(tmp_path, old):
    (tmp_path / "place").mkdir()
    target = tmp_path / "place" / "target.md"
    if old:
        target.write_bytes(old)
    link = tmp_path / "link.md"
    link.symlink_to("place/target.md")
    write_output(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["target.md"]


def test_pipe_is_kept_and_written_through(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_output, args=(pipe, b"new"))
    writer.start()
    assert pipe.read_bytes() == b"new"
    writer.join()
    assert pipe.is_fifo()


def test_device_is_kept_and_written_through():
    terminal, inside = os.openpty()
    path = Path(os.ttyname(inside))
    write_output(path, b"new")
    assert os.read(terminal, 100) == b"new"
    assert path.is_char_device()
    os.close(inside)
    os.close(terminal)


def test_output_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (("", "Is a directory"), ("loop", "Too many levels of symbolic links")):
        with pytest.raises(RunError, match=f"cannot write {tmp_path / name}: {reason}"):
            write_output(tmp_path / name, b"")


def test_output_in_an_object_store_is_written():
    write_output(parse_path("memory://table.md"), b"new")
    assert read(parse_path("memory://table.md")) == b"new"
