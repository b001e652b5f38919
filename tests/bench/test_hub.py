"""Weights from a hub that answers as the real one does, on loopback, through the real client libraries."""

import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.errors import WeightsError
from bench.zoo.from_torchvision import fetch
from tests.conftest import TINY

REPOSITORY = "timm/test_efficientnet.r160_in1k"


class _Member:
    """A member of torchvision's enumerations of weights, with its own way to download."""

    def __init__(self, weights):
        self.url = weights.url

    def get_state_dict(self, **options):
        from torchvision.models._api import load_state_dict_from_url

        return load_state_dict_from_url(self.url, **options)


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that a download needs: a file by repository, revision and name, with its hash and commit."""

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


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.requests = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load_in_a_new_process(hub, home, tag="r160_in1k"):
    """The client reads its address and cache when it is imported, so each user is a process."""
    script = f"""
from bench.errors import WeightsError
from bench.zoo.loading import load
try:
    print(load({TINY!r}, {tag!r}).weights)
except WeightsError as error:
    print("refused:", error)
"""
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(home),
        "PATH": "",
        "HF_HUB_DISABLE_XET": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_weights_come_from_the_hub_once_and_then_from_the_cache(hub, tiny_weights, tmp_path):
    hub.files[f"/{REPOSITORY}/resolve/main/model.safetensors"] = tiny_weights
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    expected = f"Weights(tag='r160_in1k', source='hf://{REPOSITORY}', sha256='{digest}')\n"
    assert load_in_a_new_process(hub, tmp_path) == expected
    downloads = [path for method, path in hub.requests if method == "GET" and "/resolve/" in path]
    assert len(downloads) == 1
    hub.files.clear()
    hub.requests.clear()
    hub.shutdown()  # no network from here on
    hub.server_close()
    assert load_in_a_new_process(hub, tmp_path) == expected


def test_a_repository_with_only_a_pickle_is_read_in_the_safe_mode(hub, tiny_weights, tmp_path):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(tiny_weights), tmp_path / "pytorch_model.bin")
    hub.files[f"/{REPOSITORY}/resolve/main/pytorch_model.bin"] = tmp_path / "pytorch_model.bin"
    assert f"source='hf://{REPOSITORY}'" in load_in_a_new_process(hub, tmp_path)


def test_a_hub_without_the_weights_says_what_to_bring(hub, tmp_path):
    said = load_in_a_new_process(hub, tmp_path)
    assert f"refused: cannot fetch {REPOSITORY} from the hub" in said
    assert "bring its model.safetensors here and pass it as --weights" in said
    assert said.count("\n") == 1


def test_nothing_but_json_is_on_stdout_while_weights_are_fetched(tiny_weights, monkeypatch, capfd):
    """torch's client tells of its downloads on stdout."""
    from bench.zoo import from_timm
    from bench.zoo.loading import load

    def talkative(architecture, tag):
        print("Downloading")
        return tiny_weights, "hub"

    monkeypatch.setattr(from_timm, "fetch", talkative)
    load(TINY, "r160_in1k")
    assert capfd.readouterr().out == ""


def test_torchvisions_weights_come_by_address_and_are_checked(hub, tmp_path, monkeypatch):
    import torch
    from torchvision.models import get_model
    from torchvision.models._api import Weights

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    module = get_model("googlenet", weights=None, init_weights=False, aux_logits=False)
    torch.save(module.state_dict(), tmp_path / "googlenet.pth")
    digest = hashlib.sha256((tmp_path / "googlenet.pth").read_bytes()).hexdigest()
    address = f"http://127.0.0.1:{hub.server_port}"
    for name, right in ((f"googlenet-{digest[:8]}.pth", True), ("googlenet-00000000.pth", False)):
        hub.files[f"/{name}"] = tmp_path / "googlenet.pth"
        weights = Weights(url=f"{address}/{name}", transforms=lambda: None, meta={})
        monkeypatch.setattr(
            "bench.zoo.from_torchvision._weights",
            lambda _, weights=weights: {"IMAGENET1K_V1": _Member(weights)},
        )
        if right:
            path, source = fetch("googlenet", "IMAGENET1K_V1")
            assert path.read_bytes() == (tmp_path / "googlenet.pth").read_bytes()
            assert source == f"{address}/{name}"
        else:
            with pytest.raises(WeightsError, match="invalid hash value"):
                fetch("googlenet", "IMAGENET1K_V1")
