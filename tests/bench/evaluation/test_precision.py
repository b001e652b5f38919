"""Whether half precision gives the same figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import bench
from bench.data import open_images
from bench.evaluation import precision
from bench.evaluation.precision import (
    LONG_ON_CPU,
    LONG_ON_GPU,
    agrees,
    count_agreement,
    find_agreement,
    settle_precision,
)
from bench.evaluation.prepare import prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load, untrained


def prepared(options, images, network):
    return prepare_loaded(options, images, None, network, Silent())


def in_precision(evaluation, name, **more):
    return replace(evaluation, runtime=replace(evaluation.runtime, precision=name, **more))


def test_agreement_is_that_of_two_evaluations(tmp_path):
    """bfloat16 against fp32, counted here and by evaluating twice."""
    top1 = {}
    for name in ("fp32", "bf16"):
        run = bench.evaluate(precision=name, out=tmp_path)
        top1[name] = np.concatenate([shard.probabilities["1"].argmax(axis=1) for shard in run.shards()])
    expected = int((top1["fp32"] == top1["bf16"]).sum())
    assert expected < 1000  # else nothing was tried
    evaluation = prepared(Options(), open_images("mini"), load("mini-v3"))
    assert count_agreement(in_precision(evaluation, "bf16"), Silent()) == (expected, 1000)


@pytest.mark.parametrize(
    ("same", "images", "chosen"),
    [(1000, 1000, "fp16"), (996, 1000, "fp16"), (995, 1000, "fp32"), (298, 300, "fp16"), (297, 300, "fp32")],
)
def test_gpu_uses_half_precision_where_it_predicts_the_same(same, images, chosen, monkeypatch):
    monkeypatch.setattr(precision, "count_agreement", lambda evaluation, reporter: (same, images))
    on_cpu = prepared(Options(), open_images("mini"), untrained("mini-v3"))
    on_gpu = replace(on_cpu, runtime=replace(on_cpu.runtime, device=torch.device("cuda")))
    settled = settle_precision(on_gpu, Silent()).runtime
    assert (settled.precision, settled.agreement) == (chosen, ("fp16", same, images))
    fixed = replace(on_gpu, options=Options(precision="fp32"))
    assert settle_precision(fixed, Silent()) is fixed
    assert settle_precision(on_cpu, Silent()) is on_cpu


def test_overflow_in_half_precision_is_no_agreement(photos):
    """Inception-v3 with timm's first random weights: its outputs are 1e12 and more, too large for fp16."""
    images = open_images(str(photos)).sample(1, None)
    network = untrained("v3")
    smaller = replace(network, preprocessing=replace(network.preprocessing, size=139))
    evaluation = prepared(Options(model="v3"), images, smaller)
    assert count_agreement(in_precision(evaluation, "fp16"), Silent()) == (0, 1)


@pytest.mark.parametrize("images", [1, 6, 100, 300, 1000, 5000])
def test_half_precision_is_refused_where_flips_are_significantly_more_than_one_in_a_thousand(images):
    for flips in range(min(images, 20) + 1):
        p_value = binomtest(flips, images, 0.001, alternative="greater").pvalue
        assert agrees(images - flips, images) is bool(p_value >= 0.01)


def test_probability_of_flips_is_that_worked_out_by_hand():
    """Of ten images one flip has 1 - 0.999^10 = 0.00996, which is below 0.01; of eleven it has 0.01095."""
    assert (1 - 0.999**10 < 0.01, agrees(9, 10)) == (True, False)
    assert (1 - 0.999**11 >= 0.01, agrees(10, 11)) == (True, True)
    assert not agrees(0, 0)


@pytest.fixture
def long_evaluation(monkeypatch, tmp_path):
    """Of a network so large that half precision pays on a processor that has it."""
    evaluation = prepared(Options(out=tmp_path / "runs"), open_images("mini"), untrained("mini-v3"))
    large = replace(evaluation.network.network, multiply_adds=int(LONG_ON_CPU / 1000))
    return replace(evaluation, network=replace(evaluation.network, network=large))


@pytest.mark.parametrize(
    ("has_bf16", "same", "chosen"), [(True, 1000, "bf16"), (True, 990, "fp32"), (False, None, "fp32")]
)
def test_long_evaluation_on_a_processor_with_bfloat16_uses_it(
    long_evaluation, monkeypatch, has_bf16, same, chosen
):
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: has_bf16)
    monkeypatch.setattr(precision, "count_agreement", lambda evaluation, reporter: (same, 1000))
    settled = settle_precision(long_evaluation, Silent()).runtime
    assert settled.precision == chosen
    assert settled.agreement == (("bf16", same, 1000) if has_bf16 else None)


def test_short_evaluation_on_a_processor_is_in_fp32(monkeypatch):
    """The figures of the mini set do not depend on the processor."""
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: True)
    for name in ("mini-v1", "mini-v3", "mini-v4", "mini-ir-v2"):
        runtime = prepared(Options(model=name), open_images("mini"), untrained(name)).runtime
        assert (runtime.precision, runtime.agreement) == ("fp32", None)


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_other_accelerators_are_measured_too(kind, monkeypatch):
    monkeypatch.setattr(precision, "count_agreement", lambda evaluation, reporter: (1000, 1000))
    evaluation = prepared(Options(), open_images("mini"), untrained("mini-v3"))
    there = replace(evaluation, runtime=replace(evaluation.runtime, device=torch.device(kind)))
    assert settle_precision(there, Silent()).runtime.agreement == ("fp16", 1000, 1000)


def test_agreement_of_an_earlier_run_is_used_again(monkeypatch, tmp_path):
    """So that a command that continues or reads a run measures nothing."""
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: True)
    monkeypatch.setattr(precision, "LONG_ON_CPU", 0.0)
    calls = []
    count = precision.count_agreement

    def counting(evaluation, reporter):
        calls.append(evaluation.runtime.precision)
        return count(evaluation, reporter)

    monkeypatch.setattr(precision, "count_agreement", counting)
    run = bench.evaluate(out=tmp_path, limit=50, crops="10")
    assert calls == ["bf16"]
    assert run.manifest.runtime.agreement.images == 50
    assert bench.evaluate(out=tmp_path, limit=50, crops="10").path == run.path
    bench.evaluate(out=tmp_path, limit=50, crops="1")
    assert calls == ["bf16"]
    bench.evaluate(out=tmp_path, limit=40)  # other images
    bench.evaluate(out=tmp_path, limit=50, model="mini-v1")  # another network
    bench.evaluate(out=tmp_path, limit=50, fresh=True)
    assert calls == ["bf16"] * 4
    evaluation = prepared(
        Options(out=tmp_path, limit=50), open_images("mini").sample(50, None), load("mini-v3")
    )
    assert find_agreement(in_precision(evaluation, "bf16")) is not None
    assert find_agreement(in_precision(evaluation, "fp16")) is None
    assert find_agreement(in_precision(evaluation, "bf16", compile=True)) is None


@pytest.fixture
def long_on_gpu():
    """An evaluation on a GPU, so long that compiling pays."""
    evaluation = prepared(Options(crops="144"), open_images("mini"), untrained("mini-v3"))
    large = replace(evaluation.network.network, multiply_adds=int(LONG_ON_GPU / 1000 / 144))
    larger = replace(evaluation.network, network=replace(large, multiply_adds=large.multiply_adds + 1))
    runtime = replace(evaluation.runtime, device=torch.device("cuda"))
    return replace(evaluation, network=larger, runtime=runtime)


@pytest.mark.parametrize(
    ("same_compiled", "same_plain", "expected"),
    [(1000, None, ("fp16", True, 1000)), (900, 999, ("fp16", False, 999)), (0, 990, ("fp32", False, 990))],
)
def test_long_evaluation_on_a_gpu_is_compiled_where_it_predicts_the_same(
    long_on_gpu, monkeypatch, same_compiled, same_plain, expected
):
    same = {True: same_compiled, False: same_plain}
    monkeypatch.setattr(precision, "count_agreement", lambda way, reporter: (same[way.runtime.compile], 1000))
    runtime = settle_precision(long_on_gpu, Silent()).runtime
    assert (runtime.precision, runtime.compile, runtime.agreement[1]) == expected


def test_evaluation_is_not_compiled_where_it_is_short_or_the_user_says_no(long_on_gpu, monkeypatch):
    monkeypatch.setattr(precision, "count_agreement", lambda way, reporter: (1000, 1000))
    refused = replace(long_on_gpu, options=replace(long_on_gpu.options, compile=False))
    shorter = replace(long_on_gpu, images=long_on_gpu.images.sample(999, None))
    for evaluation in (refused, shorter):
        runtime = settle_precision(evaluation, Silent()).runtime
        assert (runtime.precision, runtime.compile) == ("fp16", False)


def test_network_that_torch_cannot_compile_is_evaluated_without(monkeypatch):
    def compile_badly(module):
        def forward(inputs):
            raise ValueError("no such operation\nand a long text")

        return forward

    class Notes(Silent):
        def note(self, text):
            notes.append(text)

    notes = []
    monkeypatch.setattr(torch, "compile", compile_badly)
    evaluation = prepared(Options(limit=4), open_images("mini").sample(4, None), untrained("mini-v3"))
    assert count_agreement(in_precision(evaluation, "fp32", compile=True), Notes()) == (0, 4)
    assert notes == ["torch.compile failed (no such operation)"]
