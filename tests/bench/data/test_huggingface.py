"""Data sets in local folders in the hub's layout, and from a hub on loopback, through the real client."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from huggingface_hub import constants

from bench.data import open_images
from bench.data.classes import wordnet_ids
from bench.display import Console
from bench.errors import BenchError, DataError
from tests.bench.data.conftest import FILES
from tests.bench.data.layouts import write_parquet, write_shard

NAMES = [f"ILSVRC2012_val_0000000{n}.JPEG" for n in range(1, 7)]
ADDRESS = "hf://someone/imagenet:validation"
COMMIT = "0" * 40


def write_split(folder, split, labels, *, count=2, prefix="data/", **options):
    """Write `FILES` as the numbered parquet files of a split."""
    size = len(FILES) // count
    for number in range(count):
        part = slice(number * size, (number + 1) * size)
        name = f"{prefix}{split}-{number:05d}-of-{count:05d}.parquet"
        write_parquet(folder / name, NAMES[part], FILES[part], labels[part], **options)


@pytest.fixture
def imagenet(tmp_path):
    """A data set of three splits."""
    folder = tmp_path / "imagenet"
    for split, labels in (("train", [3] * 6), ("validation", [7, 999, 0, 1, 2, 3]), ("test", [-1] * 6)):
        write_split(folder, split, labels, classes=wordnet_ids())
    return folder


def test_split_of_a_folder_is_as_stored(imagenet):
    data = f"hf://{imagenet}:validation"
    images = open_images(data)
    assert images.labels.tolist() == [7, 999, 0, 1, 2, 3]
    assert (images.path, images.location, images.label_source) == (data, None, f"{data}, column label")
    assert [images.read(i) for i in range(6)] == FILES


def test_split_without_labels_is_refused(imagenet):
    with pytest.raises(DataError, match="images without a label"):
        open_images(f"hf://{imagenet}:test")


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ("hf://nowhere", 2, "write hf://NAME:SPLIT, such as"),
        ("hf://:validation", 2, "write hf://NAME:SPLIT"),
        ("hf://someone/imagenet:", 2, "write hf://NAME:SPLIT"),
        ("hf://some one/imagenet:val", 2, "write hf://NAME:SPLIT"),
        ("hf://someone/imagenet:val:x", 2, "write hf://NAME:SPLIT"),
        ("hf://a/b/c/d:validation", 2, "write hf://NAME:SPLIT"),
        ("hf:///no/such/folder:validation", 1, "there is no such folder"),
        ("hf://FOLDER:holdout", 1, "no split 'holdout': it has data/test, data/train, data/validation"),
        ("hf://FOLDER:validation[:3]", 2, "write hf://NAME:SPLIT"),
    ],
)
def test_wrong_address_is_one_line(imagenet, data, code, message):
    with pytest.raises(BenchError, match=message) as caught:
        open_images(data.replace("FOLDER", str(imagenet)))
    assert caught.value.exit_code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "heading", ["configs: [1, 2]", "configs: {", "- a", "configs: [{data_files: [{a: 1}]}]"]
)
def test_card_that_makes_no_sense_is_one_line(imagenet, heading):
    (imagenet / "README.md").write_text(f"---\n{heading}\n---\n")
    with pytest.raises(DataError, match=r"README\.md") as caught:
        open_images(f"hf://{imagenet}:validation")
    assert "\n" not in str(caught.value)


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that a data set needs: its list of files, and the files."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        path = unquote(self.path.partition("?")[0])
        self.server.requests.append((self.command, path))
        branches = self.server.branches
        if path.startswith("/api/datasets/someone/imagenet"):
            branch = path.partition("/revision/")[2] or "main"
            if branch not in branches:
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound"}, body=body)
                return
            files = [file.relative_to(branches[branch]).as_posix() for file in branches[branch].rglob("*.*")]
            info = {"id": "someone/imagenet", "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]}
            self._send(200, json.dumps(info).encode(), {}, body=body)
        elif not path.startswith("/datasets/someone/imagenet/resolve/"):
            self._send(401, b"", {"X-Error-Code": "RepoNotFound"}, body=body)
        elif self.server.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"}, body=body)
        else:
            name = path.partition("/resolve/")[2]
            (branch,) = (branch for branch in branches if name.startswith(f"{branch}/"))
            data = (branches[branch] / name.removeprefix(f"{branch}/")).read_bytes()
            headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._send(200, data, headers, body=body)

    def _send(self, status, data, headers, *, body):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(imagenet, tmp_path, monkeypatch):
    """A hub with the data set `imagenet`, and a cache of the test's own. Nothing pauses between retries."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.branches, server.requests, server.gated = {"main": imagenet}, [], False
    server.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    path = template[template.index("/{repo_id}") :]
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.endpoint + path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def stop(hub):
    hub.shutdown()
    hub.server_close()


def refusal(data=ADDRESS):
    """The line with which a data set is refused."""
    with pytest.raises(DataError) as caught:
        open_images(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def seen(images):
    """All that an evaluation has of these images."""
    return images.fingerprint(), images.content_hashes(range(len(images))).tolist()


def fetched(hub):
    """The files that were fetched, sorted."""
    return sorted(
        path.partition("/resolve/")[2]
        for method, path in hub.requests
        if method == "GET" and "/resolve/" in path
    )


def test_files_of_a_split_are_one_download_with_a_size(hub, imagenet, monkeypatch, capsys):
    with Console():
        open_images(ADDRESS)
    shown = capsys.readouterr().err.splitlines()
    size = f"{sum(path.stat().st_size for path in imagenet.rglob('validation-*')) / 1e6:,.1f}"
    assert shown[0] == f"fetching {ADDRESS}"
    assert shown[1].startswith(f"fetching {ADDRESS}: {size} MB in ")
    assert shown[2:] == [f"reading {ADDRESS}"]


def test_only_files_of_the_split_are_fetched_and_only_once(hub, imagenet, tmp_path):
    (imagenet / "README.md").write_text("---\nlicense: other\n---\n")
    expected = seen(open_images(f"hf://{imagenet}:validation"))
    assert seen(open_images(ADDRESS)) == expected
    assert fetched(hub) == [
        "main/README.md",
        "main/data/validation-00000-of-00002.parquet",
        "main/data/validation-00001-of-00002.parquet",
    ]
    assert not [path for _, path in hub.requests if "train" in path or "test-" in path]
    hub.requests.clear()
    assert seen(open_images(ADDRESS)) == expected
    assert fetched(hub) == []
    stop(hub)
    assert seen(open_images(ADDRESS)) == expected


def test_hub_that_is_gone_before_all_files_are_there_is_one_line(hub, tmp_path):
    open_images(ADDRESS)
    (file,) = (tmp_path / "cache").rglob("validation-00001-of-00002.parquet")
    file.unlink()
    stop(hub)
    assert refusal() == (f"{ADDRESS} has 1 of the 2 files of data/validation: fetch the others, too")


def test_classes_are_those_of_the_card_where_the_files_declare_none(hub, imagenet, tmp_path):
    write_split(imagenet, "validation", [0, 1] * 3)
    heading = "dataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
    (imagenet / "README.md").write_text(
        f"---\n{heading}          '0': n01484850\n          '1': n01440764\n---\n"
    )
    assert open_images(ADDRESS).labels.tolist() == [2, 0] * 3


def test_data_set_of_other_files_comes_from_the_branch_that_the_hub_converted(hub, tmp_path):
    hub.branches = {"main": tmp_path / "main", "refs/convert/parquet": tmp_path / "converted"}
    write_shard(tmp_path / "main/images.tar.gz", {})
    for split in ("train", "validation"):
        path = tmp_path / f"converted/default/{split}/0000.parquet"
        write_parquet(path, NAMES, FILES, [7, 999, 0, 1, 2, 3])
    assert open_images(ADDRESS).labels.tolist() == [7, 999, 0, 1, 2, 3]
    assert fetched(hub) == ["refs/convert/parquet/default/validation/0000.parquet"]


def test_webdataset_shards_of_a_split_are_fetched(hub, tmp_path):
    hub.branches = {"main": tmp_path / "main"}
    for split in ("train", "validation"):
        for number in range(2):
            members = {f"{number}.jpg": FILES[number], f"{number}.cls": f"{number}"}
            write_shard(tmp_path / f"main/imagenet1k-{split}-{number:02d}.tar", members)
    images = open_images(ADDRESS)
    assert (images.ids, images.labels.tolist()) == (["0.jpg", "1.jpg"], [0, 1])
    assert fetched(hub) == ["main/imagenet1k-validation-00.tar", "main/imagenet1k-validation-01.tar"]


def test_gated_data_set_is_one_line_that_names_its_page(hub, tmp_path):
    hub.gated = True
    assert refusal() == (
        f"{ADDRESS} is gated: accept its terms at "
        f"{hub.endpoint}/datasets/someone/imagenet, log in with `hf auth login`, "
        "and start again"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "hf://someone/other:validation",
            "there is no data set at .*/datasets/someone/other, or it is private",
        ),
        (
            "hf://someone/imagenet:holdout",
            "no split 'holdout': it has data/test, data/train, data/validation",
        ),
    ],
)
def test_data_set_that_the_hub_does_not_have_is_one_line(hub, data, message):
    assert re.search(message, refusal(data))
    assert not fetched(hub)


def test_hub_that_cannot_be_reached_is_one_line(hub, tmp_path):
    stop(hub)
    assert refusal() == (
        f"cannot fetch {ADDRESS} from the Hugging Face hub (Connection refused): "
        "the same command continues, or bring its files here and pass them as --data"
    )
