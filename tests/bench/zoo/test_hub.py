"""Weights from a hub that answers as the real one does, on loopback, through the real client libraries."""

import hashlib
import json
import re
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import torch
from pytorchcv.models.common import model_store
from safetensors.torch import load_file

from bench.downloads import shown_downloads
from bench.errors import WeightsError
from bench.progress import REPORTER, Silent
from bench.zoo import from_torchvision
from bench.zoo.loading import load
from tests.bench.zoo.caffe_files import onnx_model, random_blobs
from tests.conftest import TINY
from tests.processes import Forks

REPOSITORY = "timm/test_efficientnet.r160_in1k"
GOOGLENET = "onnxmodelzoo/googlenet-12"
OWN = f"hf-hub:{REPOSITORY}"
CONFIG = {
    "architecture": "test_efficientnet",
    "num_classes": 1000,
    "pretrained_cfg": {"input_size": [3, 96, 96], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}
"""The config.json of a repository, as timm writes it."""

WITHOUT_PAUSES = "import time; time.sleep = lambda seconds: None\n"
"""Python that takes away the seconds that the client waits between retries."""

DEBUG = "import logging; logging.getLogger('inception-bench').setLevel(logging.DEBUG)\n"


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that a download needs: files by repository, revision and name, with their hash."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        self.server.requests.append((self.command, self.path))
        path = self.server.files.get(self.path)
        if path is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if REPOSITORY in self.path else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


IMPORTS = """
import huggingface_hub, timm, torchvision
import bench.zoo.from_papers, bench.zoo.from_timm, bench.zoo.loading
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """(processes, the port at which they expect the hub).

    They are processes since the client reads the hub's address when it is imported.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "PATH": "", "HF_HUB_DISABLE_XET": "1"}
    forks = Forks(tmp_path_factory.mktemp("printed"), IMPORTS, environment)
    yield forks, port
    forks.close()


@pytest.fixture
def hub(client):
    processes, port = client
    server = ThreadingHTTPServer(("127.0.0.1", port), Hub)
    server.files, server.requests, server.processes = {}, [], processes
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load_in_a_new_process(hub, home, before="", network=(TINY, "r160_in1k"), after=""):
    """What a process that loads the weights of a network prints. `before` is Python that runs first, `after`
    what runs then. `home` is the cache.
    """
    script = f"""
huggingface_hub.constants.HF_HUB_CACHE = {str(home)!r}
{before}
from bench.errors import WeightsError
from bench.zoo.loading import load
try:
    print(load(*{network!r}).weights)
except WeightsError as error:
    print("refused:", error)
{after}
"""
    done = hub.processes.run(script)
    assert done.returncode == 0, done.stderr
    return done


def stop(hub):
    hub.shutdown()
    hub.server_close()


def test_weights_come_from_the_hub_once_and_then_from_the_cache(hub, tiny_weights, tmp_path):
    hub.files[f"/{REPOSITORY}/resolve/main/model.safetensors"] = tiny_weights
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    expected = f"Weights(tag='r160_in1k', source='hf://{REPOSITORY}', sha256='{digest}', ema=None, note='')\n"
    assert load_in_a_new_process(hub, tmp_path).stdout == expected
    downloads = [path for method, path in hub.requests if method == "GET" and "/resolve/" in path]
    assert len(downloads) == 1
    stop(hub)
    assert load_in_a_new_process(hub, tmp_path, WITHOUT_PAUSES).stdout == expected


def test_repository_with_only_a_pickle_is_read_in_the_safe_mode(hub, tiny_weights, tmp_path):
    torch.save(load_file(tiny_weights), tmp_path / "pytorch_model.bin")
    hub.files[f"/{REPOSITORY}/resolve/main/pytorch_model.bin"] = tmp_path / "pytorch_model.bin"
    assert f"source='hf://{REPOSITORY}'" in load_in_a_new_process(hub, tmp_path).stdout


def test_repository_without_weights_is_one_line_that_names_what_to_bring(hub, tmp_path):
    done = load_in_a_new_process(hub, tmp_path)
    assert done.stdout == (
        f"refused: cannot fetch {REPOSITORY} from the Hugging Face hub "
        "(it has neither model.safetensors nor pytorch_model.bin): "
        "bring its model.safetensors here and pass it as --weights\n"
    )
    assert done.stderr == ""


def serve_config(hub, tmp_path, config, repository=REPOSITORY, revision="main"):
    path = tmp_path / f"{len(hub.files)}.json"
    path.write_text(json.dumps(config))
    hub.files[f"/{repository}/resolve/{revision}/config.json"] = path


def test_network_of_a_repository_is_what_its_config_says(hub, tiny_weights, tmp_path):
    for revision in ("main", "v1.0"):
        serve_config(hub, tmp_path, CONFIG, revision=revision)
        hub.files[f"/{REPOSITORY}/resolve/{revision}/model.safetensors"] = tiny_weights
    names = (OWN, f"{OWN}@v1.0")
    after = f"for name in {names}: print(load(name).weights.source, load(name).preprocessing)"
    printed = load_in_a_new_process(hub, tmp_path, network=(OWN,), after=after).stdout
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    preprocessing = (
        "Preprocessing(size=96, normalisation=Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), "
        "bgr=False), interpolation='bicubic', crop_pct=0.875, fit='shorter')"
    )
    assert printed.splitlines() == [
        f"Weights(tag='', source='{OWN}', sha256='{digest}', ema=None, note='')",
        *(f"{name} {preprocessing}" for name in names),
    ]


def test_repository_that_is_no_network_of_timm_is_one_line(hub, tmp_path):
    """The third one also names a file for timm to read, which it does not do."""
    configs = {
        "transformers": {"architectures": ["ResNetForImageClassification"]},
        "unknown": CONFIG | {"architecture": "no_such_net"},
        "arguments": CONFIG | {"model_args": {"widht": 3, "checkpoint_path": "code.pth"}},
    }
    for name, config in configs.items():
        serve_config(hub, tmp_path, config, f"org/{name}")
    script = f"""
for name in {[*configs, "gone"]}:
    try:
        load("hf-hub:org/" + name)
    except WeightsError as error:
        print(error)
"""
    done = load_in_a_new_process(hub, tmp_path, network=("v3", "/none.pth"), after=script)
    _, transformers, unknown, arguments, gone = done.stdout.splitlines()
    assert transformers.endswith("hub: its config.json is not one of a network of timm")
    assert unknown == "org/unknown from the Hugging Face hub: this timm has no network 'no_such_net'"
    assert re.fullmatch(
        r"hf-hub:org/arguments cannot be built as its config\.json says \(.* unexpected .* 'widht'\)",
        arguments,
    )
    assert gone.startswith("cannot fetch org/gone from the Hugging Face hub (")
    assert gone.endswith("bring its model.safetensors here and pass it as --weights of --model timm/NAME")


def test_caffes_googlenet_comes_from_the_hub_of_onnxs_zoo(hub, tmp_path):
    (tmp_path / "googlenet").write_bytes(onnx_model(random_blobs(), 12).SerializeToString())
    hub.files[f"/{GOOGLENET}/resolve/main/googlenet-12.onnx"] = tmp_path / "googlenet"
    printed = load_in_a_new_process(hub, tmp_path, network=("v1-paper",)).stdout
    digest = hashlib.sha256((tmp_path / "googlenet").read_bytes()).hexdigest()
    assert printed.startswith(f"Weights(tag='bvlc', source='hf://{GOOGLENET}', sha256='{digest}'")


def test_caffes_googlenet_that_cannot_be_fetched_is_one_line(hub, tmp_path):
    stop(hub)
    done = load_in_a_new_process(hub, tmp_path, WITHOUT_PAUSES, network=("v1-paper", "bvlc"))
    assert done.stdout == (
        f"refused: cannot fetch {GOOGLENET} from the Hugging Face hub (Connection refused): "
        "bring its googlenet-12.onnx here and pass it as --weights\n"
    )


@pytest.mark.parametrize("debug", [False, True])
def test_hub_that_cannot_be_reached_is_one_line_unless_debugging(hub, tmp_path, debug):
    stop(hub)
    before = WITHOUT_PAUSES + (DEBUG if debug else "")
    done = load_in_a_new_process(hub, tmp_path, before)
    assert done.stdout == (
        f"refused: cannot fetch {REPOSITORY} from the Hugging Face hub (Connection refused): "
        "bring its model.safetensors here and pass it as --weights\n"
    )
    assert ("[Retry 5/5]" in done.stderr) == debug
    assert (done.stderr == "") != debug


def test_nothing_is_on_stdout_while_weights_are_fetched(tiny_weights, monkeypatch, capfd):
    """Some clients print their progress there, where `--json` has its document."""
    from bench.zoo import from_timm

    def fetch_noisily(architecture, tag):
        print("Downloading")
        return tiny_weights, "hub"

    monkeypatch.setattr(from_timm, "fetch", fetch_noisily)
    load(TINY, "r160_in1k")
    assert capfd.readouterr().out == ""


@pytest.fixture
def googlenet(hub, tmp_path, monkeypatch):
    """(name of a file on the server, its content) -> what torchvision's fetch returns for it."""

    def fetch_from_server(name, content):
        (tmp_path / "content").write_bytes(content)
        hub.files[f"/{name}"] = tmp_path / "content"
        weights = SimpleNamespace(url=f"http://127.0.0.1:{hub.server_port}/{name}")
        monkeypatch.setattr(from_torchvision, "get_model_weights", lambda _: {"IMAGENET1K_V1": weights})
        return from_torchvision.fetch("googlenet", "IMAGENET1K_V1")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return fetch_from_server


def test_torchvisions_weights_come_by_address_once_and_then_from_the_cache(hub, googlenet):
    name = f"googlenet-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    path, source = googlenet(name, b"weights")
    assert path.read_bytes() == b"weights"
    assert source == f"http://127.0.0.1:{hub.server_port}/{name}"
    stop(hub)
    assert googlenet(name, b"weights") == (path, source)


def test_torchvisions_weights_with_another_hash_than_their_name_says_are_refused(googlenet):
    with pytest.raises(
        WeightsError, match=r"/googlenet-00000000\.pth \(invalid hash value .*: bring the file"
    ):
        googlenet("googlenet-00000000.pth", b"weights")


def test_address_without_a_file_is_one_line(hub, googlenet, monkeypatch, capfd):
    monkeypatch.setattr(Hub, "do_GET", lambda handler: handler.send_error(404))
    line = (
        f"cannot fetch http://127.0.0.1:{hub.server_port}/googlenet-1378be20.pth "
        "(HTTP Error 404: Not Found): bring the file here and pass it as --weights"
    )
    with pytest.raises(WeightsError, match=f"^{re.escape(line)}$"):
        googlenet("googlenet-1378be20.pth", b"")
    assert capfd.readouterr() == ("", "")


class Received(Silent):
    """What a reporter has of downloads: its steps, and the last count of bytes after each of them."""

    def __init__(self):
        self.counts = {}

    def step(self, text):
        self.counts[text] = None

    def receive(self, received, size, *, finished=False):
        self.counts[list(self.counts)[-1]] = (received, size)


@pytest.fixture
def received():
    """What the command's reporter has of downloads."""
    reporter = Received()
    token = REPORTER.set(reporter)
    yield reporter.counts
    REPORTER.reset(token)


def test_progress_of_torchvisions_weights_has_their_size(googlenet, received):
    with shown_downloads("the weights of v1"):
        googlenet("googlenet-1.pth", bytes(300_000))
    assert received == {"fetching the weights of v1": (300_000, 300_000), "reading the weights of v1": None}


def test_progress_of_the_hubs_weights_has_their_size(hub, tiny_weights, tmp_path):
    hub.files[f"/{REPOSITORY}/resolve/main/model.safetensors"] = tiny_weights
    before = "from bench.display import Console; Console().__enter__()"
    shown = load_in_a_new_process(hub, tmp_path, before).stderr.splitlines()
    what = f"fetching the weights of {TINY}"
    assert shown[0] == what
    megabytes = f"{tiny_weights.stat().st_size / 1e6:.1f}"
    assert shown[1].startswith(f"{what}: {megabytes} MB in ")
    assert shown[2:] == [f"reading the weights of {TINY}"]


def test_file_that_is_cut_off_is_refused_and_leaves_nothing(googlenet, monkeypatch, tmp_path):
    send = Hub.send_header
    longer = {"Content-Length": "300001"}
    monkeypatch.setattr(
        Hub, "send_header", lambda self, name, value: send(self, name, longer.get(name, value))
    )
    with pytest.raises(WeightsError, match=r"\(it ended after 300,000 of 300,001 bytes\): bring the file"):
        googlenet("googlenet-1.pth", bytes(300_000))
    assert not list((tmp_path / "cache/hub/checkpoints").iterdir())


def test_pytorchcvs_weights_come_with_progress_and_then_from_its_cache(hub, received, monkeypatch, tmp_path):
    from bench.zoo import from_pytorchcv

    content, url = b"weights", f"http://127.0.0.1:{hub.server_port}"
    sha1 = hashlib.sha1(content).hexdigest()
    name = f"bninception-0754-{sha1[:8]}.pth"
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(name, content)
    hub.files[f"/releases/download/v1/{name}.zip"] = tmp_path / "archive"
    monkeypatch.setattr(from_pytorchcv, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(from_pytorchcv, "imgclsmob_repo_url", url)
    listed = ("0754", sha1, "v1")
    monkeypatch.setattr(from_pytorchcv, "get_model_name_suffix_data", lambda _: listed)
    monkeypatch.setattr(model_store, "get_model_name_suffix_data", lambda _: listed)
    with shown_downloads("bn"):
        path, source = from_pytorchcv.fetch("bninception", "osmr")
    size = (tmp_path / "archive").stat().st_size
    assert received == {"fetching bn": (size, size), "reading bn": None}
    assert (path.read_bytes(), source) == (content, f"pytorchcv bninception-0754-{sha1[:8]}")
    assert list((tmp_path / "cache").iterdir()) == [path]
    stop(hub)
    assert from_pytorchcv.fetch("bninception", "osmr") == (path, source)
