"""Data and runs in an S3-compatible store on loopback, through fsspec, as they are in folders."""

import re
import subprocess
import sys
import tarfile

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

import bench
from bench.cli import app
from bench.data import open_images
from results.run import Run
from results.storage import place, read, remove, write
from results.tables import accuracy
from tests.conftest import TINY, drawn


@pytest.fixture(scope="module")
def server():
    """The address of the store."""
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server, monkeypatch, request):
    """The URL of a bucket of this test's own, and what a user has in the environment to reach it."""
    settings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": server,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (settings | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    boto3.client("s3").create_bucket(Bucket=name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()


def put(folder, url):
    """Copy a folder, or a file, to the store."""
    for path in folder.rglob("*") if folder.is_dir() else [folder]:
        if path.is_file():
            write(
                place(url) / path.relative_to(folder).as_posix() if folder.is_dir() else place(url),
                path.read_bytes(),
            )


@pytest.fixture
def evaluate(tiny_weights, photos, tmp_path):
    def run(**options):
        return bench.evaluate(
            **(
                {"model": TINY, "weights": str(tiny_weights), "crops": "10", "out": tmp_path / "runs"}
                | options
            )
        )

    return run


def shards(run):
    return [read(run.shard_path(part)) for part in run.parts]


def cli(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "a bug" not in done.stderr
    return done


def test_a_run_between_buckets_is_the_run_between_folders(bucket, evaluate, photos):
    put(photos, f"{bucket}/photos")
    here, there = evaluate(data=photos), evaluate(data=f"{bucket}/photos", out=f"{bucket}/runs")
    assert str(there.path).startswith(f"{bucket}/runs/timm_test_efficientnet-photos-10-")
    assert (there.identity, shards(there)) == (here.identity, shards(here))
    assert there.manifest["shards"] == here.manifest["shards"]
    assert (
        accuracy([Run.open(place(str(there.path)))])
        .drop(columns="run")
        .equals(accuracy([here]).drop(columns="run"))
    )


def test_an_archive_is_read_in_place(bucket, evaluate, photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    put(tmp_path / "photos.tar", f"{bucket}/photos.tar")
    assert shards(evaluate(data=f"{bucket}/photos.tar", out=f"{bucket}/runs")) == shards(
        evaluate(data=photos)
    )


def test_labels_classes_and_blacklist_are_found_beside_the_images(bucket, tmp_path):
    for number in range(1, 4):
        name = f"ILSVRC2012_val_{number:08d}"
        (tmp_path / "val").mkdir(exist_ok=True)
        drawn(40, 30, number).save(tmp_path / "val" / f"{name}.JPEG")
    (tmp_path / "val" / ".hidden.jpg").write_text("x")
    (tmp_path / "val" / "notes.doc").write_text("x")
    (tmp_path / "labels.txt").write_text(
        "".join(f"ILSVRC2012_val_{number:08d} {number % 2}\n" for number in range(1, 4))
    )
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "blacklist.txt").write_text("2\n")
    put(tmp_path, f"{bucket}/data")
    here, there = open_images(str(tmp_path / "val")), open_images(f"{bucket}/data/val")
    assert (there.classes, there.labels.tolist(), there.ids) == (("cat", "dog"), [1, 0, 1], here.ids)
    assert (there.fingerprint(), there.ignored) == (here.fingerprint(), 1)
    assert [there.read(i) for i in range(3)] == [here.read(i) for i in range(3)]


def test_a_run_in_a_bucket_goes_on_and_is_made_anew(bucket, evaluate, photos):
    run = evaluate(data=photos, out=bucket)
    before = shards(run)
    remove(run.shard_path(run.parts[0]))
    done = cli("report", run.path)
    assert (done.exit_code, "is missing: the same eval command makes it again" in done.stderr) == (4, True)
    assert shards(evaluate(data=photos, out=bucket)) == before
    write(run.path / "shards" / "stray.safetensors", b"x")
    assert shards(evaluate(data=photos, out=bucket, fresh=True)) == before
    assert not (run.path / "shards" / "stray.safetensors").exists()


def test_runs_in_buckets_are_reported_compared_and_pooled(bucket, evaluate, photos):
    a, b = evaluate(data=photos, out=bucket), evaluate(data=photos, out=bucket, pool="max")
    assert b.path != a.path
    assert cli("report", a.path, "-o", f"{bucket}/table.csv").exit_code == 0
    assert read(place(f"{bucket}/table.csv")).decode() == cli("report", a.path, "--format", "csv").stdout
    assert cli("compare", a.path, a.path, "--json").exit_code == 0
    assert cli("check", a.path, "--against", f"{bucket}/table.csv", "--json").exit_code == 0
    assert cli("predictions", a.path).stdout.count("JPEG") == 6


def test_ranks_share_a_bucket(bucket, evaluate, photos):
    command = ["-m", "bench", "eval", "--crops", "144", "--limit", "100", "--out", bucket]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", *command],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    alone = bench.evaluate(crops="144", limit=100, out=f"{bucket}/alone")
    (found,) = place(bucket).glob("mini-v3*/manifest.json")
    assert shards(Run.open(found)) == shards(alone)


COMMANDS = {
    "data": ["eval", "--data", "URL"],
    "labels": ["eval", "--labels", "URL", "--data", "PHOTOS"],
    "devkit": ["eval", "--devkit", "URL", "--data", "PHOTOS"],
    "blacklist": ["eval", "--blacklist", "URL"],
    "out": ["eval", "--out", "URL"],
    "report": ["report", "URL"],
    "check": ["check", "URL", "--against", "x.csv"],
    "against": ["check", "PHOTOS", "--against", "URL"],
    "ensemble": ["ensemble", "URL", "URL"],
    "doctor": ["doctor", "--data", "URL"],
    "doctor's room": ["doctor", "--out", "URL"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "cannot be reached.*EndpointConnectionError: Could not connect",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "cannot be reached.*NoCredentialsError: Unable to locate credentials",
        ),
    ],
)
def test_a_store_that_cannot_be_reached_is_one_line(
    bucket, monkeypatch, tmp_path, photos, command, change, reason
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in change.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    done = cli(*({"URL": f"{bucket}/x", "PHOTOS": photos}.get(word, word) for word in COMMANDS[command]))
    assert done.exit_code == 1
    said = done.stdout if command.startswith("doctor") else done.stderr
    lines = [line for line in said.splitlines() if line.startswith(("inception-bench: ", "wrong"))]
    assert len(lines) == 1, done.stderr
    assert re.search(reason, lines[0]) or command == "against"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["eval", "--data", "s3://bucket/nowhere"],
            1,
            "no images at s3://bucket/nowhere: there is no such folder or file",
        ),
        (
            ["eval", "--limit", "2", "--out", "s3://no-such-bucket/runs"],
            1,
            "cannot write s3://no-such-bucket/.*The specified bucket does not",
        ),
        (["report", "s3://bucket/nowhere"], 1, "s3://bucket/nowhere is no run: it has no manifest.json"),
        (["report", "abacus://runs/x"], 2, "abacus://runs/x cannot be reached .*: install what reads it"),
    ],
)
def test_what_users_get_wrong_of_stores(bucket, arguments, code, message):
    done = cli(*arguments)
    assert done.exit_code == code, done.stderr
    assert re.search(message, done.stderr)


def test_without_the_package_that_reads_it_the_line_names_it():
    script = "import sys; sys.modules['s3fs'] = None; from bench.cli import app; app(['report', 's3://bucket/runs'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(
        r"inception-bench: s3://bucket/runs cannot be reached .*: install .*, for s3:// the package s3fs\n",
        done.stderr,
    )
