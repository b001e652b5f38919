"""Which device each rank has."""

import pytest
import torch

from bench import device
from bench.device import resolve
from bench.errors import BenchError, UsageError
from bench.options import Options


@pytest.fixture
def gpus(monkeypatch):
    """A machine with so many GPUs, and a rank of torchrun on it: the device that it gets."""

    def on_machine(number, ranks, rank, name="auto", visible=None):
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        else:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
        monkeypatch.setattr(device, "local_world_size", lambda: ranks)
        monkeypatch.setattr(device, "local_rank", lambda: rank)
        monkeypatch.setattr(device, "_device", torch.device)
        return str(resolve(Options(device=name)).device)

    return on_machine


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_rank_has_a_gpu_of_its_own(gpus, name):
    assert [gpus(2, 2, rank, name) for rank in range(2)] == ["cuda:0", "cuda:1"]


def test_rank_that_sees_one_gpu_alone_uses_it(gpus):
    assert [gpus(1, 2, rank, visible=str(rank)) for rank in range(2)] == ["cuda:0", "cuda:0"]


def test_more_ranks_than_gpus_are_refused(gpus):
    with pytest.raises(BenchError, match="2 ranks for 1 GPUs: pass torchrun that --nproc-per-node"):
        gpus(1, 2, 1)


def test_one_gpu_for_all_ranks_is_refused(gpus):
    with pytest.raises(
        UsageError, match=r"--device cuda:1 would give one GPU to all 4 ranks .* --device cuda$"
    ):
        gpus(4, 4, 0, "cuda:1")
    assert gpus(4, 1, 0, "cuda:1") == "cuda:1"
    assert gpus(4, 4, 0, "cpu") == "cpu"
