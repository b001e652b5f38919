"""A .tar that is broken, or made to do harm, is refused. Nothing of an archive is ever unpacked."""

import io
import re
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.bench.data.conftest import encoded
from tests.conftest import drawn

PICTURE = encoded(drawn(90, 70))


def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    """A file of an archive: its header and its data."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname, header.size = kind, link, len(data)
    return header, data


def tar(*members):
    """The bytes of an archive of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for header, data in members:
            archive.addfile(header, io.BytesIO(data))
    return buffer.getvalue()


NAME, OTHER_NAME = "n01440764/a.jpg", "n01440764/b.jpg"
IMAGE = member(NAME, PICTURE)


def other(kind, link=""):
    """A member with an image's name that is not a file."""
    return member(OTHER_NAME, kind=kind, link=link)


def claiming(**claims):
    """A file whose header claims something else than the file is."""
    header, data = member(OTHER_NAME, PICTURE)
    header.pax_headers = {name.replace("_", "."): value for name, value in claims.items()}
    return header, data


SPARSE = claiming(GNU_sparse_major="1", GNU_sparse_minor="0", GNU_sparse_realsize="4000")
"""Its data begin with a map of what is stored; a picture is none."""


def sparse():
    """A file of 4,000 bytes of which none is stored."""
    header, _ = SPARSE
    data = b"0\n".ljust(tarfile.BLOCKSIZE, b"\0")
    header.size = len(data)
    return header, data


def long_names(number):
    """The bytes of so many headers in a row that give the next file a long name."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, len(NAME)
    return number * (header.tobuf() + NAME.encode().ljust(tarfile.BLOCKSIZE, b"\0"))


def zip_archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(NAME, PICTURE)
    return buffer.getvalue()


def tar_with_a_larger_size(size):
    """A .tar whose only header claims that many bytes."""
    header, data = member(NAME, PICTURE)
    header.size = size
    return header.tobuf() + data


def tar_with_a_wrong_checksum():
    data = bytearray(tar(IMAGE))
    data[150] ^= 1
    return bytes(data)


LINKS_IN_A_CIRCLE = [
    member(NAME, kind=tarfile.SYMTYPE, link="b.jpg"),
    member(OTHER_NAME, kind=tarfile.SYMTYPE, link="a.jpg"),
]
CANNOT_BE_READ = "is not a .tar that can be read in place"
NO_SENSE = "has a header that makes no sense after {} members: pack the images again"
NOWHERE = f"'{OTHER_NAME}' is a link to nowhere or sparse"
CUT_OFF = f"{CANNOT_BE_READ} .*unexpected end of data"
TWICE = f"has '{NAME}' more than once: keep one of them"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(tar(IMAGE, IMAGE)[:1500], CUT_OFF, id="cut-off"),
        pytest.param(
            zlib.compress(tar(IMAGE)), f"{CANNOT_BE_READ} .*: unpack a compressed one first", id="compressed"
        ),
        pytest.param(zip_archive(), CANNOT_BE_READ, id="zip"),
        pytest.param(tar_with_a_larger_size(10**12), CUT_OFF, id="member-larger-than-the-archive"),
        pytest.param(tar_with_a_wrong_checksum(), CANNOT_BE_READ, id="wrong-checksum"),
        pytest.param(tar(), "it holds none", id="no-member"),
        pytest.param(tar(member("readme.txt", b"x")), "it holds none", id="no-image"),
        pytest.param(tar(IMAGE, IMAGE), TWICE, id="image-twice"),
        pytest.param(
            tar(IMAGE, member(f"./n01440764/../{NAME}", PICTURE)), TWICE, id="image-twice-by-two-paths"
        ),
        pytest.param(tar(IMAGE, other(tarfile.SYMTYPE, "gone.jpg")), NOWHERE, id="link-to-nowhere"),
        pytest.param(
            tar(IMAGE, other(tarfile.SYMTYPE, "../../../../etc/passwd")),
            NOWHERE,
            id="link-out-of-the-archive",
        ),
        pytest.param(tar(*LINKS_IN_A_CIRCLE), "is a link to nowhere or sparse", id="links-in-a-circle"),
        pytest.param(tar(IMAGE, other(tarfile.CHRTYPE)), NOWHERE, id="device"),
        pytest.param(tar(IMAGE, other(tarfile.GNUTYPE_SPARSE)), NOWHERE, id="sparse-image"),
        pytest.param(tar(IMAGE, sparse()), NOWHERE, id="sparse-image-of-a-later-format"),
        pytest.param(tar(IMAGE, SPARSE), NO_SENSE.format(1), id="sparse-image-without-a-map"),
        pytest.param(
            tar(claiming(GNU_sparse_map="x")), NO_SENSE.format(0), id="sparse-image-with-a-wrong-map"
        ),
        pytest.param(
            tar(IMAGE, claiming(GNU_sparse_realsize="9" * 5000)), NO_SENSE.format(1), id="size-of-5000-digits"
        ),
        pytest.param(
            tar(claiming(GNU_sparse_realsize="700"), IMAGE),
            NOWHERE,
            id="whole-image-that-claims-to-be-sparse",
        ),
        pytest.param(
            tar(IMAGE, claiming(size="-1536")), "-1536 bytes|without an end mark", id="size-below-zero"
        ),
        pytest.param(long_names(3000) + tar(IMAGE), NO_SENSE.format(0), id="names-without-end"),
        pytest.param(
            tar(IMAGE, member("n00000000/b.jpg", PICTURE)),
            "n00000000 is not among the 1000 classes",
            id="unknown-class",
        ),
    ],
)
def test_hostile_archive_is_refused(eval_refusal, tmp_path, data, message):
    path = tmp_path / "data.tar"
    path.write_bytes(data)
    line = eval_refusal("--data", path)
    assert str(path) in line
    assert re.search(message, line), line


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"../../outside/{NAME}", id="path-out-of-the-archive"),
        pytest.param(f"/absolute/{NAME}", id="absolute-path"),
        pytest.param(f"n01440764/{'x' * 200}/{NAME}", id="long-path"),
    ],
)
def test_archive_is_read_in_place_and_never_unpacked(eval_run, tmp_path, name):
    path = tmp_path / "data.tar"
    path.write_bytes(tar(member(name, PICTURE)))
    assert [shard.ids for shard in eval_run("--data", path).shards()] == [[name]]
    assert list(tmp_path.iterdir()) == [path]
    assert not Path("/absolute").exists()
