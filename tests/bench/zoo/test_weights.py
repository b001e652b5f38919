"""Checkpoints in their wrappings, hashes in names, and errors of downloads."""

import hashlib
import logging
import sys
import tarfile
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bench.downloads import shown_downloads
from bench.errors import WeightsError
from bench.zoo.loading import load
from bench.zoo.weights import fetch_error, named_for, read, verify
from tests.conftest import TINY


@pytest.mark.parametrize("ending", [".pth", ".pt", ".bin", ".ckpt", ".tar", ".pth.tar"])
def test_wrapped_checkpoint_has_the_same_tensors(tiny_weights, tmp_path, ending):
    state = load_file(tiny_weights)
    wrapped = {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / f"checkpoint{ending}")
    loaded, plain = load(TINY, str(tmp_path / f"checkpoint{ending}")), load(TINY, str(tiny_weights))
    tensors = zip(loaded.module.state_dict().values(), plain.module.state_dict().values(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in tensors)
    assert loaded.weights.sha256 != plain.weights.sha256


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.module.", "model.", "module.model.", "net.", "backbone."]
)
def test_prefix_that_all_names_have_is_left_out(prefix):
    module = nn.Sequential(nn.Linear(2, 2))
    state = module.state_dict()
    prefixed = {f"{prefix}{name}": value for name, value in state.items()}
    assert {name: value.tolist() for name, value in named_for(module, prefixed).items()} == {
        name: value.tolist() for name, value in state.items()
    }


def test_prefix_stays_where_a_name_lacks_it_or_the_network_has_it():
    module = nn.Sequential(nn.Linear(2, 2))
    mixed = {"model.0.weight": torch.ones(2, 2), "0.bias": torch.ones(2)}
    assert named_for(module, mixed).keys() == mixed.keys()
    wrapped = nn.ModuleDict({"model": module})
    assert named_for(wrapped, wrapped.state_dict()).keys() == wrapped.state_dict().keys()


def test_real_archive_is_no_checkpoint(tmp_path):
    with tarfile.open(tmp_path / "val.tar", "w") as archive:
        archive.add(__file__)
    with pytest.raises(
        WeightsError, match=r"val\.tar cannot be read as a checkpoint \(not a pickle of tensors"
    ):
        read(tmp_path / "val.tar")


def test_expanded_tensor_is_read_as_what_it_shows(tiny_weights, tmp_path):
    name = "classifier.weight"
    state = load_file(tiny_weights)
    expanded = state[name][:, :1].expand(state[name].shape)
    torch.save(state | {name: expanded}, tmp_path / "checkpoint.pth")
    assert torch.equal(load(TINY, str(tmp_path / "checkpoint.pth")).module.get_parameter(name), expanded)


CONTENT = b"weights"
SHA256, SHA1 = hashlib.sha256(CONTENT).hexdigest(), hashlib.sha1(CONTENT).hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        f"googlenet-{SHA256[:8]}.pth",
        f"inception_v3-{SHA256[:10]}.safetensors",
        f"bninception-0774-{SHA1[:8]}.pth",  # pytorchcv's
        "plain.pth",
    ],
)
def test_file_with_its_hash_or_none_in_its_name_is_accepted(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENT)
    verify(tmp_path / name, SHA256)


@pytest.mark.parametrize("name", ["googlenet-1378be20.pth", "bninception-0774-d79ba5f5.pth"])
def test_file_with_another_hash_in_its_name_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENT)
    message = rf"{name} is damaged, its sha256 is {SHA256[:8]}.*: delete it, and it is fetched again"
    with pytest.raises(WeightsError, match=message):
        verify(tmp_path / name, SHA256)


def test_link_to_a_file_named_by_its_hash_is_verified(tmp_path):
    """As the cache of the Hugging Face hub has them."""
    for name, target in (("good.safetensors", SHA256), ("bad.safetensors", "f" * 64)):
        (tmp_path / target).write_bytes(CONTENT)
        (tmp_path / name).symlink_to(tmp_path / target)
    verify(tmp_path / "good.safetensors", SHA256)
    with pytest.raises(WeightsError, match=r"bad\.safetensors is damaged"):
        verify(tmp_path / "bad.safetensors", SHA256)


def chained(*errors):
    """The first error, raised from the second, which was raised from the third, and so on."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (
            chained(
                ConnectionError("HTTPSConnectionPool(...): Max retries exceeded with url: /osmr/v3.pth"),
                RuntimeError("Failed to resolve 'github.com'"),
                OSError(-2, "Name or service not known"),
            ),
            "Name or service not known",
        ),
        (
            chained(
                OSError("Please check your connection"),
                ConnectionError(
                    "Cannot reach https://huggingface.co/timm/v3/model.safetensors: offline mode"
                ),
            ),
            "Cannot reach https://huggingface.co: offline mode",
        ),
        (
            RuntimeError("404 Not Found for url 'https://github.com/a/b.pth'\nFor more information: ..."),
            "404 Not Found for url 'https://github.com'",
        ),
        (ValueError("x" * 1000), "x" * 117 + "..."),
        (ValueError(), "ValueError"),
    ],
)
def test_failed_fetch_is_one_short_line_with_the_first_cause(error, reason):
    line = f"cannot fetch v3 from the hub ({reason}): bring its .pth here and pass it as --weights"
    assert str(fetch_error("v3 from the hub", error, "its .pth")) == line


@pytest.fixture
def project_logger():
    logger = logging.getLogger("inception-bench")
    level = logger.level
    yield logger
    logger.setLevel(level)


def download_noisily():
    """What clients print while they try again and again."""
    print("Downloading v3.pth")
    logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s [Retry 1/5]")
    print("100 %", file=sys.stderr)


def test_downloads_print_only_their_progress(capsys, caplog, project_logger):
    level = logging.getLogger("huggingface_hub").level
    with shown_downloads("weights"):
        download_noisily()
    assert capsys.readouterr() == ("", "100 %\n")
    assert not caplog.records
    assert logging.getLogger("huggingface_hub").level == level


def test_downloads_print_on_stderr_when_debugging(capsys, caplog, project_logger):
    project_logger.setLevel(logging.DEBUG)
    with shown_downloads("weights"):
        download_noisily()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Downloading v3.pth\n" in printed.err
    assert [record.message for record in caplog.records] == ["Retrying in 1s [Retry 1/5]"]
