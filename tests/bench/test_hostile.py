"""What is broken or means harm: what is given, which line is printed, which exit code; and what was measured stays.

Each case prepares a folder of good images and gives what is to be added to `eval` on it, or another command.
"""

import csv
import io
import json
import os
import pickle
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import bench
from bench.cli import app
from bench.data.decode import decode
from results.errors import RunError
from results.run import Run, write_manifest
from results.storage import sha256
from tests.conftest import TINY, drawn, random_weights

CLASSES = ("n01440764", "n01443537", "n01484850")


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(*chunks):
    """A PNG file of these chunks, (type, data), each with its checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks
    )


def header(width, height):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def claiming(width, height):
    """A JPEG whose header claims another size."""
    data = bytearray(encoded(drawn(60, 40)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def text_bomb():
    about = PngImagePlugin.PngInfo()
    about.add_text("comment", "x" * 100_000_000, zip=True)
    return encoded(drawn(20, 20), "PNG", pnginfo=about)


@pytest.fixture(scope="module")
def measured(tmp_path_factory, tiny_weights):
    """(images, their run): measured before anything below goes wrong."""
    folder = tmp_path_factory.mktemp("measured")
    for number, (width, height) in enumerate([(200, 150), (150, 200), (180, 180), (240, 171)]):
        path = folder / "photos" / CLASSES[number % 3] / f"{number}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn(width, height, number).save(path)
    run = bench.evaluate(model=TINY, weights=str(tiny_weights), data=folder / "photos", out=folder / "runs")
    return folder / "photos", run


def content(run):
    return {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


@pytest.fixture
def attempt(measured, tiny_weights, tmp_path):
    """Call the command line beside what is measured, which has to stay as it is; the exit code and the lines of errors."""
    run = measured[1]
    before = content(run)

    def call(arguments):
        if arguments and arguments[0] == "eval":
            arguments = [*arguments, "--out", run.path.parent]
            arguments += [] if "--model" in arguments else ["--model", TINY]
            arguments += [] if "--weights" in arguments else ["--weights", tiny_weights]
        done = CliRunner().invoke(app, [os.fsdecode(str(argument)) for argument in arguments])
        assert "a bug of inception-bench" not in done.stderr
        assert content(run) == before
        assert sum(len(shard.ids) for shard in Run.open(run.path).shards()) == 4
        return (
            done.exit_code,
            [line for line in done.stderr.splitlines() if line.startswith("inception-bench: ")],
            done,
        )

    return call


@pytest.fixture
def data(measured, tmp_path):
    """A copy of the good images."""
    return shutil.copytree(measured[0], tmp_path / "data")


GOOD = drawn(90, 70)
EMPTY = (b"IDAT", zlib.compress(b"")), (b"IEND", b"")
IMAGES = {  # (bytes, why it cannot be read)
    "no bytes": (b"", "the file is empty"),
    "text": (b"not a picture", "this is not an image"),
    "an error page": (b"<!DOCTYPE html><title>404</title>", "this is not an image"),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "this is not an image"),
    "PostScript, which would be run": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        "cannot be decoded|not an image",
    ),
    "a truncated JPEG": (encoded(drawn(300, 200))[:3000], "cannot be decoded: .*truncated"),
    "a JPEG that ends after its header": (encoded(GOOD)[:180], "cannot be decoded|this is not an image"),
    "a JPEG of zeros": (b"\xff\xd8\xff" + bytes(500), "cannot be decoded|this is not an image"),
    "a JPEG that claims 4 gigapixels": (
        claiming(65_000, 65_000),
        "65000 x 65000 pixels are more than the 89,478,485 that are decoded",
    ),
    "a JPEG without a row": (claiming(60, 0), "cannot be decoded|this is not an image"),
    "a truncated PNG": (encoded(GOOD, "PNG")[:600], "cannot be decoded"),
    "a PNG with a wrong checksum": (
        encoded(GOOD, "PNG").replace(b"IDAT", b"IDAU", 1),
        "cannot be decoded|this is not an image",
    ),
    "a PNG that claims 144 megapixels": (
        png(header(12_000, 12_000), *EMPTY),
        "decompression bomb|are more than",
    ),
    "a PNG that claims no pixels": (
        png(header(0, 0), *EMPTY),
        "cannot be decoded|this is not an image",
    ),
    "a PNG with a comment of 100 MB in 100 kB": (text_bomb(), "cannot be decoded: .*too large"),
    "a truncated WebP": (encoded(GOOD, "WEBP")[:300], "cannot be decoded|this is not an image"),
    "a truncated GIF": (encoded(GOOD, "GIF")[:400], "cannot be decoded|this is not an image"),
    "a TIFF whose directory is itself": (
        b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "cannot be decoded|this is not an image",
    ),
    "a zip": (b"PK\x03\x04" + bytes(100), "this is not an image"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_cannot_be_read_ends_the_run_with_its_name_or_is_left_out_and_listed(
    attempt, data, name
):
    content_, why = IMAGES[name]
    (data / CLASSES[0] / "hostile.JPEG").write_bytes(content_)
    code, lines, _ = attempt(["eval", "--data", data])
    assert (code, len(lines)) == (1, 1)
    where = re.escape(f"{CLASSES[0]}/hostile.JPEG in {data}: ")
    assert re.search(
        rf"{where}.*({why}).*; repair it, or leave such images out with --skip-unreadable", lines[0]
    ), lines
    code, _, done = attempt(["eval", "--data", data, "--skip-unreadable", "--json"])
    assert (code, json.loads(done.stdout)["rows"][0]["n"]) == (0, 4)
    assert list(Run.open(Path(json.loads(done.stdout)["run"])).skipped) == [f"{CLASSES[0]}/hostile.JPEG"]


EXIF = Image.Exif()
EXIF[0x0112] = 6  # to be turned by a quarter
ODD = {
    "CMYK": encoded(GOOD.convert("CMYK")),
    "a colour profile that is none": encoded(GOOD, icc_profile=b"not a profile"),
    "EXIF that says to turn it, which nobody does": encoded(GOOD, exif=EXIF),
    "16 bits": encoded(Image.fromarray(np.arange(6300, dtype=np.uint16).reshape(70, 90) * 10), "PNG"),
    "16 bits in TIFF": encoded(
        Image.fromarray(np.arange(6300, dtype=np.uint16).reshape(70, 90) * 10), "TIFF"
    ),
    "animated, of which the first picture counts": encoded(
        GOOD, "GIF", save_all=True, append_images=[drawn(90, 70, 5)]
    ),
    "animated WebP": encoded(GOOD, "WEBP", save_all=True, append_images=[drawn(90, 70, 5)], lossless=True),
    "a palette with a transparent colour": encoded(GOOD.convert("P"), "PNG", transparency=0),
    "one bit": encoded(GOOD.convert("1"), "PNG"),
    "bytes after its end": encoded(GOOD) + b"<script>" * 100,
}


@pytest.mark.parametrize("name", ODD)
def test_an_image_of_an_unusual_kind_is_read_as_pillow_reads_it(attempt, data, name):
    (data / CLASSES[0] / "odd.JPEG").write_bytes(ODD[name])
    code, _, done = attempt(["eval", "--data", data, "--json"])
    assert (code, json.loads(done.stdout)["rows"][0]["n"]) == (0, 5)
    with Image.open(io.BytesIO(ODD[name])) as image:
        assert np.array_equal(decode(ODD[name]), np.asarray(image.convert("RGB")))


def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    about = tarfile.TarInfo(name)
    about.type, about.linkname, about.size = kind, link, len(data)
    return about, data


def packed(path, *members):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for about, data in members:
            archive.addfile(about, io.BytesIO(data))
    return path


PICTURE = encoded(GOOD)
FIRST = f"{CLASSES[0]}/a.jpg"


def an_archive(path, name):
    """A .tar of that kind."""
    good = member(FIRST, PICTURE)
    if name == "cut off":
        packed(path, good, member(f"{CLASSES[1]}/b.jpg", PICTURE))
        path.write_bytes(path.read_bytes()[:1500])
    elif name == "compressed":
        path.write_bytes(zlib.compress(packed(path, good).read_bytes()))
    elif name == "a zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(FIRST, PICTURE)
    elif name == "a member larger than the archive":
        about, _ = member(FIRST)
        about.size = 10**12
        path.write_bytes(about.tobuf() + PICTURE)
    elif name == "a broken checksum":
        data = bytearray(packed(path, good).read_bytes())
        data[150] ^= 1
        path.write_bytes(data)
    else:
        members = {
            "no image": [member("readme.txt", b"x")],
            "nothing": [],
            "one image twice": [good, good],
            "one image twice by two ways to write it": [good, member(f"./{CLASSES[0]}/../{FIRST}", PICTURE)],
            "a link to nowhere": [good, member(f"{CLASSES[0]}/b.jpg", kind=tarfile.SYMTYPE, link="gone.jpg")],
            "a link out of it": [
                good,
                member(f"{CLASSES[0]}/b.jpg", kind=tarfile.SYMTYPE, link="../../../../etc/passwd"),
            ],
            "links in a circle": [
                member(f"{CLASSES[0]}/{a}.jpg", kind=tarfile.SYMTYPE, link=f"{b}.jpg")
                for a, b in ("ab", "ba")
            ],
            "a device": [good, member(f"{CLASSES[0]}/b.jpg", kind=tarfile.CHRTYPE)],
            "a sparse image": [good, member(f"{CLASSES[0]}/b.jpg", kind=tarfile.GNUTYPE_SPARSE)],
            "an unknown class": [good, member("n00000000/b.jpg", PICTURE)],
        }
        packed(path, *members[name])
    return path


ARCHIVES = {
    "cut off": "ends after|is not a .tar that can be read in place",
    "compressed": "is not a .tar that can be read in place .*: unpack a compressed one first",
    "a zip": "is not a .tar that can be read in place",
    "a member larger than the archive": "ends after|is not a .tar",
    "a broken checksum": "is not a .tar that can be read in place",
    "no image": "the .tar holds none",
    "nothing": "the .tar holds none|is not a .tar",
    "one image twice": "more than once: keep one of them, so that it is not counted twice",
    "one image twice by two ways to write it": "more than once: keep one of them",
    "a link to nowhere": "'n01440764/b.jpg' is a link to nowhere or sparse",
    "a link out of it": "'n01440764/b.jpg' is a link to nowhere or sparse",
    "links in a circle": "is a link to nowhere or sparse",
    "a device": "is a link to nowhere or sparse",
    "a sparse image": "is a link to nowhere or sparse|is not a .tar",
    "an unknown class": "n00000000 is not among the 1000 classes",
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_cannot_be_trusted_is_refused(attempt, tmp_path, name):
    code, lines, done = attempt(["eval", "--data", an_archive(tmp_path / "data.tar", name)])
    assert (code, len(lines), done.stdout) == (1, 1, "")
    assert re.search(ARCHIVES[name], lines[0]), lines


@pytest.mark.parametrize(
    "name", [f"../../outside/{FIRST}", f"/absolute/{FIRST}", f"{CLASSES[0]}/{'x' * 200}/{FIRST}"]
)
def test_nothing_of_an_archive_is_ever_unpacked(attempt, tmp_path, name):
    path = packed(tmp_path / "data.tar", member(name, PICTURE))
    before = sorted(tmp_path.rglob("*"))
    assert attempt(["eval", "--data", path])[0] == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/absolute").exists()


LABELS = {  # (bytes of labels.txt for 0.jpg to 2.jpg, what is said of it)
    "too short": (b"1\n2\n", "has 2 labels for 3 images: write 'NAME CLASS' on each line"),
    "too long": (b"1\n2\n3\n4\n", "has 4 labels for 3 images"),
    "counted from 1 to 1000": (b"1\n2\n1000\n", "class indices end at 999: for ILSVRC ids pass the --devkit"),
    "a gap": (b"0.jpg 1\n2.jpg 3\n", "does not label all images, 1.jpg is missing"),
    "one image twice": (
        b"0.jpg 1\n1.jpg 2\n2.jpg 3\n0.jpg 2\n",
        "labels '0.jpg' twice, as 1 and 2: keep one",
    ),
    "a class that is none": (
        b"0.jpg 1\n1.jpg n00000000\n2.jpg 3\n",
        "the line of '1.jpg' is not 'NAME CLASS'",
    ),
    "a negative class": (b"0.jpg 1\n1.jpg -2\n2.jpg 3\n", "the line of '1.jpg' is not 'NAME CLASS'"),
    "a fraction": (b"0.jpg 1\n1.jpg 2.5\n2.jpg 3\n", "the line of '1.jpg' is not 'NAME CLASS'"),
    "a number without end": (
        b"0.jpg 1\n1.jpg " + b"9" * 5000 + b"\n2.jpg 3\n",
        "the line of '1.jpg' is not 'NAME CLASS'",
    ),
    "nothing": (b"", "labels.txt"),
    "UTF-16": ("0.jpg 1\n1.jpg 2\n2.jpg 3\n".encode("utf-16"), "labels.txt.*UTF-8"),
    "no text": (bytes(range(256)), "labels.txt.*UTF-8"),
    "digits of another script": ("\u0661\n\u0662\n\u00b2\n".encode(), "labels.txt"),
    "zeros between the letters": (
        b"0.jpg\x00 1\n1.jpg 2\n2.jpg 3\n",
        "does not label all images, 0.jpg is missing",
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_cannot_be_right_are_refused(attempt, tmp_path, name):
    text, said = LABELS[name]
    for number in range(3):
        (tmp_path / "flat").mkdir(exist_ok=True)
        drawn(30, 30, number).save(tmp_path / "flat" / f"{number}.jpg")
    (tmp_path / "labels.txt").write_bytes(text)
    for more in ((), ("--labels", tmp_path / "labels.txt")):
        code, lines, done = attempt(["eval", "--data", tmp_path / "flat", *more])
        assert (code, len(lines), done.stdout) == (1, 1, "")
        assert re.search(said, lines[0]), lines


def checkpoints(folder, weights):
    """{what it is: (file, what is said of it)}"""
    state = load_file(weights)
    head = "classifier.weight"

    def saved(name, changed):
        save_file(changed, folder / name)
        return folder / name

    def written(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    def pickled(name, value):
        torch.save(value, folder / name)
        return folder / name

    data = weights.read_bytes()
    (folder / "folder.pth").mkdir()
    return {
        "code in a pickle": (
            pickled("code.pth", {"state_dict": state, "hook": Code()}),
            "pickle with code in it, which is not run",
        ),
        "code and nothing else": (
            written("old.pth", pickle.dumps(Code())),
            "old.pth cannot be read as a checkpoint",
        ),
        "not a number": (
            saved("nan.safetensors", state | {head: state[head] * float("nan")}),
            "classifier.weight is not finite",
        ),
        "infinite": (
            saved("inf.safetensors", state | {head: state[head] + float("inf")}),
            "classifier.weight is not finite",
        ),
        "other shapes": (
            saved("shape.safetensors", state | {"conv_stem.weight": torch.ones(2, 3)}),
            "of another shape: conv_stem.weight",
        ),
        "another network": (random_weights("mini-v3", folder / "other.safetensors"), "does not fit"),
        "a tensor less": (
            saved("less.safetensors", {k: v for k, v in state.items() if k != "conv_stem.weight"}),
            "1 missing: conv_stem",
        ),
        "a tensor more": (saved("more.safetensors", state | {"x": torch.ones(2)}), "1 left over: x"),
        "half of it": (
            written("half.safetensors", data[: len(data) // 2]),
            "is not a whole .safetensors file",
        ),
        "a header without end": (
            written("long.safetensors", struct.pack("<Q", 2**60) + data[8:]),
            "is not a whole .safetensors file",
        ),
        "no header": (written("none.safetensors", bytes(100)), "is not a whole .safetensors file"),
        "nothing": (written("empty.safetensors", b""), "is not a whole .safetensors file"),
        "text": (written("text.pth", b"hello"), "cannot be read as a checkpoint"),
        "a zip of nothing": (written("zip.pth", b"PK\x05\x06" + bytes(18)), "cannot be read as a checkpoint"),
        "no tensors": (pickled("epoch.pth", {"epoch": 3}), "no tensors"),
        "a list": (pickled("list.pth", [1, 2]), "list.pth"),
        "another ending": (written("weights.h5", b"x"), "should end in"),
        "a folder without checkpoints": (folder / "folder.pth", "no checkpoints in"),
    }


class Code:
    def __reduce__(self):
        return Path.touch, (Path("/tmp/this-ran"),)


CHECKPOINTS = (
    *(
        "code in a pickle",
        "code and nothing else",
        "not a number",
        "infinite",
        "other shapes",
        "another network",
    ),
    *(
        "a tensor less",
        "a tensor more",
        "half of it",
        "a header without end",
        "no header",
        "nothing",
        "text",
        "a zip of nothing",
    ),
    *("no tensors", "a list", "another ending", "a folder without checkpoints"),
)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_cannot_be_used_is_refused_and_none_is_run(
    attempt, data, tmp_path, tiny_weights, name
):
    found = checkpoints(tmp_path, tiny_weights)
    assert tuple(found) == CHECKPOINTS
    path, said = found[name]
    code, lines, done = attempt(["eval", "--data", data, "--weights", path])
    assert (code, len(lines), done.stdout) == (1, 1, "")
    assert re.search(said, lines[0]), lines
    assert path.name in lines[0]
    assert not Path("/tmp/this-ran").exists()


@pytest.mark.parametrize(("outputs", "order"), [(1001, "background-first"), (1008, "ilsvrc")])
def test_outputs_beside_the_1000_classes_are_left_out(attempt, data, tmp_path, outputs, order):
    path = random_weights(TINY, tmp_path / "wide.safetensors", outputs)
    code, _, done = attempt(["eval", "--data", data, "--weights", path, "--json"])
    run = Run.open(Path(json.loads(done.stdout)["run"]))
    assert (code, next(run.shards()).probabilities["1"].shape) == (0, (4, 1000))
    assert run.manifest["model"]["label_order"] == order


def spoilt(run, name):
    """Do that to a copy of a run."""
    manifest, shard = run.path / "manifest.json", run.shard_path(run.parts[0])
    text = manifest.read_text()
    changes = {
        "edited": lambda: manifest.write_text(
            text.replace('"n01440764/0.JPEG"', "x").replace('"complete": true', '"complete":  true')
        ),
        "one image fewer": lambda: manifest.write_text(text.replace('"images": 4', '"images": 3')),
        "truncated": lambda: manifest.write_text(text[:500]),
        "empty": lambda: manifest.write_text(""),
        "no JSON": lambda: manifest.write_bytes(bytes(range(256))),
        "a list": lambda: manifest.write_text("[]"),
        "brackets without end": lambda: manifest.write_text("[" * 100_000),
        "NaN": lambda: manifest.write_text(text.replace('"complete": true', '"complete": NaN')),
        "a newer schema": lambda: manifest.write_text(text.replace('"schema": 2', '"schema": 3')),
        "gone": manifest.unlink,
        "a folder": lambda: (manifest.unlink(), manifest.mkdir()),
        "of a run that is not complete": lambda: write_manifest(
            run.path, dict(run.manifest) | {"complete": False}
        ),
        "that lists fewer shards": lambda: write_manifest(run.path, dict(run.manifest) | {"shards": []}),
        "shard gone": shard.unlink,
        "shard empty": lambda: shard.write_bytes(b""),
        "shard truncated": lambda: shard.write_bytes(shard.read_bytes()[:-1]),
        "shard longer": lambda: shard.write_bytes(shard.read_bytes() + b"x"),
        "shard of text": lambda: shard.write_text("hello"),
        "shard with a header without end": lambda: shard.write_bytes(struct.pack("<Q", 2**60)),
        "shard of another run": lambda: next(run.shards()).save(shard.parent, "another"),
        "shard whose content changed with its hash": lambda: _relabelled(run).save(
            shard.parent, run.identity
        ),
        "shard that is a folder": lambda: (shard.unlink(), shard.mkdir()),
    }
    changes[name]()


def _relabelled(run):
    shard = next(run.shards())
    shard.labels[:] = 0
    return shard


RUNS = {  # (exit code, what is said)
    "edited": (
        4,
        "manifest.json is damaged, or was edited: the same eval command makes it again and keeps what is measured",
    ),
    "one image fewer": (4, "is damaged, or was edited"),
    "truncated": (4, "is damaged, or was edited"),
    "empty": (4, "is damaged, or was edited"),
    "no JSON": (4, "is damaged, or was edited"),
    "a list": (4, "is damaged, or was edited"),
    "brackets without end": (4, "is damaged, or was edited"),
    "NaN": (4, "is damaged, or was edited"),
    "a newer schema": (
        1,
        "has schema 3, this version reads 2: use the version that wrote it, or eval --fresh",
    ),
    "gone": (1, "is no run: it has no manifest.json"),
    "a folder": (1, "manifest.json cannot be read: Is a directory"),
    "of a run that is not complete": (4, "is incomplete: 4 of 4 images; the same eval command continues it"),
    "that lists fewer shards": (4, "is incomplete: 4 of 4 images"),
    "shard gone": (4, "00000004.safetensors is missing: .* makes it again; 0 of 4 images are sound"),
    "shard empty": (4, "00000004.safetensors is damaged or another run's: .*; 0 of 4 images are sound"),
    "shard truncated": (4, "is damaged or another run's"),
    "shard longer": (4, "is damaged or another run's"),
    "shard of text": (4, "is damaged or another run's"),
    "shard with a header without end": (4, "is damaged or another run's"),
    "shard of another run": (4, "is damaged or another run's"),
    "shard whose content changed with its hash": (4, "is damaged or another run's"),
    "shard that is a folder": (4, "is damaged or another run's"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_not_what_was_written_stands_in_no_table_ensemble_or_gate(
    attempt, measured, tmp_path, name
):
    copy = Run.open(shutil.copytree(measured[1].path, tmp_path / "copy"))
    spoilt(copy, name)
    code, said = RUNS[name]
    baseline = tmp_path / "baseline.csv"
    assert attempt(["check", measured[1].path, "--against", baseline, "--update"])[0] == 0
    other = bench.evaluate(
        model=TINY,
        weights=str(random_weights(TINY, tmp_path / "other.safetensors")),
        data=measured[0],
        out=tmp_path / "other",
    )
    ensemble = ["ensemble", copy.path, other.path, "--out", tmp_path / "out"]
    for command in (["report", copy.path], ensemble, ["check", copy.path, "--against", baseline]):
        found, lines, done = attempt(command)
        assert (found, len(lines), done.stdout) == (code, 1, ""), (command, lines)
        assert re.search(
            said if command != ensemble else said.partition(";")[0].partition(":")[0], lines[0]
        ), lines


FOLDER = "shard that is a folder"


def test_a_folder_in_the_place_of_a_shard_is_named_and_not_removed(measured, tiny_weights, tmp_path):
    copy = Run.open(shutil.copytree(measured[1].path, tmp_path / measured[1].path.name))
    spoilt(copy, FOLDER)
    with pytest.raises(RunError, match=r"cannot write .*00000004\.safetensors: Is a directory"):
        bench.evaluate(model=TINY, weights=str(tiny_weights), data=measured[0], out=tmp_path)
    assert copy.shard_path(copy.parts[0]).is_dir()


@pytest.mark.parametrize("name", [name for name, (code, _) in RUNS.items() if code == 4 and name != FOLDER])
def test_eval_makes_again_what_is_lost_of_a_run_and_no_more(measured, tiny_weights, tmp_path, name):
    photos, run = measured
    shutil.copytree(run.path, tmp_path / run.path.name)
    copy = Run.open(tmp_path / run.path.name)
    spoilt(copy, name)
    again = bench.evaluate(model=TINY, weights=str(tiny_weights), data=photos, out=tmp_path)
    assert again.path == copy.path
    assert again.manifest["shards"] == run.manifest["shards"]
    assert [sha256(again.shard_path(part).read_bytes()) for part in again.parts] == [
        one["sha256"] for one in run.manifest["shards"]
    ]


def test_a_byte_that_flips_anywhere_in_a_run_is_found(measured, tmp_path):
    """In 100 random places of the manifest and of the shards."""
    generator = np.random.default_rng(0)
    for number in range(100):
        copy = Run.open(shutil.copytree(measured[1].path, tmp_path / str(number)))
        path = generator.choice([copy.path / "manifest.json", copy.shard_path(copy.parts[0])])
        data = bytearray(path.read_bytes())
        data[generator.integers(len(data))] ^= 1 << generator.integers(8)
        path.write_bytes(data)
        done = CliRunner().invoke(app, ["report", str(copy.path)])
        assert done.exit_code in (1, 4), path
        assert (done.exit_code == 4) or "has schema" in done.stderr


NAMES = [
    *(
        "[red]x[bold].jpg",
        "<script>alert(1)<script>.jpg",
        "<img src=x onerror=alert(1)>.jpg",
        'a,"b"\'c.jpg',
        "line\nbreak.jpg",
        "\tTab.jpg",
    ),
    *(
        "=1+1.jpg",
        "@SUM(A1).jpg",
        "-2+3.jpg",
        "+1.jpg",
        "\rcr.jpg",
        "\x1b[31mred.jpg",
        "\udcff.jpg",
        "{{7*7}}.jpg",
        "$x^2$ & 5%_#~.jpg",
    ),
]


def test_names_cannot_become_markup_formulas_or_rows(attempt, tmp_path):
    """In predictions as CSV, on the page, and in a message."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, name in enumerate(NAMES):
        drawn(40, 30, number).save(flat / "plain.jpg")
        (flat / "plain.jpg").rename(flat / name)
    (tmp_path / "labels.txt").write_text("\n".join(["0"] * len(NAMES)))
    code, _, done = attempt(["eval", "--data", flat, "--json"])
    assert code == 0
    run = json.loads(done.stdout)["run"]
    assert attempt(["predictions", run, "-o", tmp_path / "p.csv"])[0] == 0
    text = (tmp_path / "p.csv").read_bytes().decode("utf-8", "surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert sorted(row[0].removeprefix("'").replace("\\r", "\r") for row in rows[1:]) == sorted(NAMES)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert attempt(["report", run, "-o", tmp_path / "page.html"])[0] == 0
    page = (tmp_path / "page.html").read_bytes().decode("utf-8", "surrogateescape")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    for name in NAMES:
        good = (flat / name).read_bytes()
        (flat / name).write_bytes(b"x")
        code, lines, done = attempt(["eval", "--data", flat])
        assert (code, len(lines), "\x1b" in done.stderr) == (1, 1, False)
        assert "this is not an image" in lines[0]
        (flat / name).write_bytes(good)


def test_what_is_no_file_is_refused_before_anything_waits_for_it(attempt, data):
    os.mkfifo(data / CLASSES[0] / "pipe.jpg")
    code, lines, _ = attempt(["eval", "--data", data])
    assert (code, len(lines)) == (1, 1)
    assert "pipe.jpg is a pipe or a device, not a file: remove it" in lines[0]
    (data / CLASSES[0] / "pipe.jpg").unlink()
    (data / CLASSES[0] / "zero.jpg").symlink_to("/dev/zero")
    _, lines, _ = attempt(["eval", "--data", data])
    assert "zero.jpg is a pipe or a device" in lines[0]
