"""The measurements run, and their tables have what they promise. Their figures are not looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer

from bench.data import open_images
from bench.zoo.loading import load
from benchmarks.gpu.as_built import split_time
from benchmarks.gpu.common import Table, first_images, write_calibrated
from benchmarks.links import link_images
from tests.conftest import TINY, drawn
from tests.processes import PATIENCE

TOP = Path(__file__).resolve().parents[2]


def table_of(*words, **variables):
    """The cells of the table that a measurement prints, by the first one of their row."""
    environment = os.environ | {"PYTHONPATH": str(TOP)} | variables
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, (done.stdout, done.stderr)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]
    return {first: rest for first, *rest in cells}


def test_checks_of_a_gpu_are_right_on_a_cpu():
    rows = table_of(*("-m", "benchmarks.gpu.correct", "--short", "--device", "cpu"), TRITON_INTERPRET="1")
    verdicts = {what: rest[-1] for what, rest in rows.items()}
    assert set(verdicts.values()) == {"right", ""}
    assert verdicts["kernels against Pillow, 144 crops of 40, bicubic"] == "right"
    assert verdicts["convolution with ReLU, as built, fp32 against fp64"] == "right"
    assert verdicts["shards, 144 crops, 21 names: killed and resumed"] == "right"
    assert verdicts["shards, 144 crops, 21 names: two ranks that share the device"] == "right"
    assert rows["shards, 1 crops, 21 names: 16 workers"][0] == "1 of 1 as with 1 worker"
    assert rows["out of memory"][0] == "skipped: no GPU"


def test_stages_of_the_networks_of_table_4_are_measured():
    rows = table_of("-m", "benchmarks.gpu.as_built", "--short", "--device", "cpu")
    for model in ("mini-v3", "mini-v4", "mini-v1", "mini-ir-v2"):
        assert f"{model}, crops 144: efficiency" in rows
        assert rows[f"{model}, crops 144: what the GPU does"][0] == "skipped: no GPU"
    assert "mini-v3, crops 1, batch 256: forward, crops/s" in rows
    assert int(rows["Table 4 at these rates, minutes"][0].replace(",", "")) > 0


def test_variants_are_measured_or_skipped_with_a_reason():
    rows = table_of("-m", "benchmarks.gpu.variants", "--short", "--device", "cpu")
    assert (
        rows["forward, batch 4, fp32: eager"][-1] == rows["forward, batch 4, fp32: as built"][-1] == "right"
    )
    for name in ("cudnn.benchmark", "torch.compile", "CUDA graph"):
        assert rows[f"forward, batch 4: {name}"][0] == "skipped: no GPU"
    assert "matrix product of 256, fp32" in rows
    assert "rendering, crops 144: torch's resize" in rows
    assert rows["rendering, crops 144: kernels"][0].startswith("skipped")


def test_host_time_has_a_row_for_the_engine_and_one_for_the_numbers_of_chunks():
    rows = table_of("benchmarks/host_time.py", "--images", "32", "--rounds", "1")
    assert list(rows) == ["engine without decoding", "numbers of the chunks of a GPU"]
    assert all(float(median) > 0 for median, _ in rows.values())


def test_native_crops_have_the_pixels_of_all_providers(tmp_path):
    drawn(90, 61).save(tmp_path / "image.png")
    command = [sys.executable, "benchmarks/native_crops.py", tmp_path / "image.png"]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    lines = done.stdout.splitlines()
    assert sum(" names equal, in " in line for line in lines) == 3, (done.stdout, done.stderr)
    assert all("only square inputs can be evaluated" in line for line in lines if line.startswith("  "))


def test_native_crop_is_compared_with_the_other_crops_alone(photos):
    words = ("--model", TINY, "--rounds", "1", "--data", photos)
    rows = table_of("benchmarks/native_cost.py", *words)
    assert list(rows) == ["native", "native,10", "native,144"]


def test_forward_pass_has_a_row_for_each_runtime_that_is_installed():
    words = ("--model", "mini-v3", "--rounds", "1", "--batches", "1", "--against", "OpenVINO")
    rows = table_of("benchmarks/forward.py", *words)
    assert rows["this project"][-1] == "4 of 4"
    assert set(rows) <= {"this project", "OpenVINO"}


def test_links_go_round_the_images(photos, tmp_path):
    link_images(str(photos), tmp_path / "many", 15)
    images = open_images(str(tmp_path / "many"))
    assert len(images) == 15
    files = [images.read(i) for i in range(15)]
    assert {files.count(photo.read_bytes()) for photo in photos.glob("*/*")} == {2, 3}


def test_calibrated_weights_keep_activations_small(photos, tmp_path):
    images, path = open_images(str(photos)), tmp_path / "calibrated.safetensors"
    write_calibrated(TINY, images, path, "cpu")
    network = load(TINY, str(path))
    largest = []
    for child in network.module.modules():
        child.register_forward_hook(lambda *seen: largest.append(float(seen[-1].abs().max())))
    with torch.no_grad():
        outputs = network.module(first_images(images, network, 3))
    assert outputs.std() > 0.01
    assert 1 < max(largest) < 100


def test_time_of_a_gpu_is_split_into_what_it_does():
    def event(category, name, start, end):
        return {"cat": category, "name": name, "ts": start, "dur": end - start}

    split = split_time([
        event("kernel", "_resample", 0, 10),
        event("kernel", "void cudnn::convolution", 5, 60),
        event("gpu_memcpy", "Memcpy HtoD", 60, 65),
        event("kernel", "_gather", 95, 100),
        event("cuda_runtime", "cudaLaunchKernel", 65, 95),
        {"ph": "M", "name": "process_name"},
    ])  # fmt: skip
    assert split.launches == 4
    assert split.shares == pytest.approx({"rendering": 0.15, "forward": 0.55, "copies": 0.05, "idle": 0.3})


def test_table_ends_with_1_where_something_is_wrong_and_goes_on_after_an_error(capsys):
    def fail(here):
        raise ValueError("the first line\nmore")

    table = Table()
    table.attempt("first", fail, None)
    table.add("second", "1", "1", True)
    with pytest.raises(typer.Exit) as ended:
        table.end()
    assert ended.value.exit_code == 1
    lines = capsys.readouterr().out.splitlines()
    assert "ValueError: the first line" in lines[2]
    assert "WRONG" in lines[2]
    assert "right" in lines[3]
