"""Whether half precision gives the same figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import bench
from bench.data import open_images
from bench.evaluation import precision
from bench.evaluation.precision import count_agreement, settle_precision
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load, untrained


def prepared(options, images, network):
    return prepare_loaded(options, images, None, network, Silent())


def test_agreement_is_that_of_two_evaluations(tmp_path):
    """bfloat16 against fp32, counted here and by evaluating twice."""
    top1 = {}
    for name in ("fp32", "bf16"):
        run = bench.evaluate(precision=name, out=tmp_path)
        top1[name] = np.concatenate([shard.probabilities["1"].argmax(axis=1) for shard in run.shards()])
    expected = int((top1["fp32"] == top1["bf16"]).sum())
    assert expected < 1000  # else nothing was tried
    evaluation = prepared(Options(), open_images("mini"), load("mini-v3"))
    assert count_agreement(evaluation, "bf16") == (expected, 1000)


@pytest.mark.parametrize(
    ("same", "images", "chosen"),
    [(1000, 1000, "fp16"), (999, 1000, "fp16"), (998, 1000, "fp32"), (300, 300, "fp16"), (299, 300, "fp32")],
)
def test_gpu_uses_half_precision_where_it_predicts_the_same(same, images, chosen, monkeypatch):
    monkeypatch.setattr(precision, "count_agreement", lambda evaluation, name: (same, images))
    on_cpu = prepared(Options(), open_images("mini"), untrained("mini-v3"))
    on_gpu = replace(on_cpu, runtime=replace(on_cpu.runtime, device=torch.device("cuda")))
    settled = settle_precision(on_gpu, Silent()).runtime
    assert (settled.precision, settled.agreement) == (chosen, ("fp16", same, images))
    fixed = replace(on_gpu, options=Options(precision="fp32"))
    assert settle_precision(fixed, Silent()) is fixed
    assert settle_precision(on_cpu, Silent()) is on_cpu


def test_overflow_in_half_precision_is_no_agreement(photos):
    """Inception-v3 with timm's first random weights: its outputs are 1e12 and more, too large for fp16."""
    images = open_images(str(photos)).sample(2, None)
    assert count_agreement(prepared(Options(model="v3"), images, untrained("v3")), "fp16") == (0, 2)
