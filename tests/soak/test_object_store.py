"""Data and runs in an S3-compatible store on loopback, through fsspec, as they are in folders."""

import re
import subprocess
import sys
import tarfile
from functools import partial

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

import bench
from bench.data import open_images
from bench.evaluation.findings import open_blacklist
from bench.options import Options
from results.run import Run
from results.storage import parse_path, read, remove, write
from results.tables import accuracy
from tests import forked_ranks
from tests.bench.data.conftest import FILES
from tests.bench.data.layouts import write_parquet, write_shard
from tests.conftest import drawn
from tests.helpers import cli, cli_error, cli_json


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


def upload(path, url):
    """Copy a file, or the files of a folder, to the store."""
    if path.is_dir():
        for file in path.iterdir():
            upload(file, f"{url}/{file.name}")
    else:
        write(parse_path(url), path.read_bytes())


@pytest.fixture
def evaluate_photos(evaluate):
    """Evaluate the small pictures with ten crops, unless options say otherwise."""
    return partial(evaluate, crops="10")


def shards(run):
    """The bytes of each shard."""
    return [read(run.shard_path(part)) for part in run.parts]


def table_of(run):
    """The run's table, without the place of the run."""
    return accuracy([run]).drop(columns="run")


def test_run_between_buckets_is_the_run_between_folders(bucket, evaluate_photos, photos):
    upload(photos, f"{bucket}/photos")
    local = evaluate_photos()
    remote = evaluate_photos(data=f"{bucket}/photos", out=f"{bucket}/runs")
    assert str(remote.path).startswith(f"{bucket}/runs/timm_test_efficientnet-photos-10-")
    assert (remote.identity, shards(remote)) == (local.identity, shards(local))
    assert remote.manifest.shards == local.manifest.shards
    assert table_of(Run.open(parse_path(str(remote.path)))).equals(table_of(local))


def test_archive_is_read_in_place(bucket, evaluate_photos, photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(photos, ".")
    upload(tmp_path / "photos.tar", f"{bucket}/photos.tar")
    remote = evaluate_photos(data=f"{bucket}/photos.tar", out=f"{bucket}/runs")
    assert shards(remote) == shards(evaluate_photos())


@pytest.mark.parametrize(
    "data", ["val-{0..1}.tar", "val-*.tar", "shards", "table/validation-00000-of-00001.parquet", "table"]
)
def test_parquet_files_and_shards_are_read_in_place(bucket, tmp_path, data):
    members = [{f"{i}.jpg": FILES[i], f"{i}.cls": f"{i}"} for i in range(6)]
    for number in range(2):
        for place in (f"val-{number}.tar", f"shards/val-{number}.tar"):
            write_shard(tmp_path / place, {k: v for each in members[number::2] for k, v in each.items()})
    names = [f"{i}.jpg" for i in range(6)]
    write_parquet(tmp_path / "table/validation-00000-of-00001.parquet", names, FILES, list(range(6)))
    upload(tmp_path, bucket)
    local, remote = open_images(f"{tmp_path}/{data}"), open_images(f"{bucket}/{data}")
    assert remote.fingerprint() == local.fingerprint()
    assert remote.labels.tolist() == list(range(6))
    assert [remote.read(i) for i in range(6)] == FILES
    assert remote.path == f"{bucket}/{data}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("val-{0..3}.tar", r"val-0\.tar and 3 more are missing, of 4 that s3://"),
        ("val-*.tar", r"no file is named like s3://.*/val-\*\.tar"),
        ("val.parquet", "there is no such folder or file"),
    ],
)
def test_missing_shard_in_a_store_is_one_line(bucket, data, message):
    assert re.search(message, cli_error("eval", "--data", f"{bucket}/{data}", code=1))


def test_labels_classes_and_blacklist_are_found_beside_the_images(bucket, tmp_path):
    names = [f"ILSVRC2012_val_{number:08d}" for number in range(1, 4)]
    (tmp_path / "val").mkdir()
    for number, name in enumerate(names):
        drawn(40, 30, number).save(tmp_path / "val" / f"{name}.JPEG")
    (tmp_path / "val" / ".hidden.jpg").write_text("x")
    (tmp_path / "val" / "notes.doc").write_text("x")
    (tmp_path / "labels.txt").write_text("".join(f"{name} {i % 2}\n" for i, name in enumerate(names)))
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "blacklist.txt").write_text("2\n")
    upload(tmp_path, f"{bucket}/data")
    local, remote = open_images(str(tmp_path / "val")), open_images(f"{bucket}/data/val")
    assert (remote.classes, remote.labels.tolist(), remote.ids) == (("cat", "dog"), [0, 1, 0], local.ids)
    assert (remote.fingerprint(), remote.ignored) == (local.fingerprint(), 1)
    assert [remote.read(i) for i in range(3)] == [local.read(i) for i in range(3)]
    assert open_blacklist(remote, Options()).numbers == {2}


def test_run_in_a_bucket_is_continued_and_started_anew(bucket, evaluate_photos):
    run = evaluate_photos(out=bucket)
    before = shards(run)
    remove(run.shard_path(run.parts[0]))
    message = "00000000-00000006.safetensors is missing: the same eval command evaluates its images again"
    assert message in cli_error("report", run.path, code=4)
    assert shards(evaluate_photos(out=bucket)) == before
    write(run.path / "shards" / "stray.safetensors", b"x")
    assert shards(evaluate_photos(out=bucket, fresh=True)) == before
    assert not (run.path / "shards" / "stray.safetensors").exists()


def test_runs_in_buckets_are_reported_compared_and_checked(bucket, evaluate_photos):
    a, b = evaluate_photos(out=bucket), evaluate_photos(out=bucket, pool="max")
    assert b.path != a.path
    cli("report", a.path, "-o", f"{bucket}/table.csv")
    assert read(parse_path(f"{bucket}/table.csv")).decode() == cli("report", a.path, "--format", "csv").stdout
    assert cli_json("compare", a.path, a.path)["flipped"] == [0, 0]
    assert cli_json("check", a.path, "--against", f"{bucket}/table.csv")["passed"]
    assert cli("predictions", a.path).stdout.count("JPEG") == 6


def test_ranks_share_a_bucket(bucket):
    words = ["eval", "--crops", "144", "--limit", "41", "--out", bucket]
    done = forked_ranks.run(2, f"import bench.cli; bench.cli.app({words})")
    assert done.returncode == 0, done.stderr
    alone = bench.evaluate(crops="144", limit=41, out=f"{bucket}/alone")
    (found,) = parse_path(bucket).glob("mini-v3*/manifest.json")
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
    "doctor's disk": ["doctor", "--out", "URL"],
}


NO_SERVER = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (NO_SERVER, "cannot be reached.*EndpointConnectionError: Could not connect"),
        (NO_KEYS, "cannot be reached.*NoCredentialsError: Unable to locate credentials"),
    ],
    ids=["no-server", "no-keys"],
)
def test_store_that_cannot_be_reached_is_one_line(
    bucket, monkeypatch, tmp_path, photos, command, change, reason
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in change.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    places = {"URL": f"{bucket}/x", "PHOTOS": photos}
    done = cli(*(places.get(word, word) for word in COMMANDS[command]), code=1)
    printed = done.stdout if command.startswith("doctor") else done.stderr
    (line,) = (line for line in printed.splitlines() if line.startswith(("inception-bench: ", "wrong")))
    assert "a bug" not in line
    assert re.search(reason, line) or command == "against"


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
def test_wrong_place_in_a_store_is_an_error_that_names_it(bucket, arguments, code, message):
    assert re.search(message, cli_error(*arguments, code=code))


WITHOUT_S3FS = """
import sys
sys.modules["s3fs"] = None
from bench.cli import app
app(["report", "s3://bucket/runs"])
"""


def test_package_that_reads_the_store_is_named_where_it_is_missing():
    done = subprocess.run([sys.executable, "-c", WITHOUT_S3FS], capture_output=True, text=True)
    assert done.returncode == 2
    line = r"inception-bench: s3://bucket/runs cannot be reached .*: install .* the package s3fs, .*\n"
    assert re.fullmatch(line, done.stderr)
