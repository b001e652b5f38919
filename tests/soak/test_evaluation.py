"""Evaluations that take long: real photographs and weights, a compiled network, many images."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import independent
from tests.conftest import TINY, drawn
from tests.helpers import largest_difference, pooled
from tests.processes import PATIENCE


def test_real_photographs_with_real_weights_equal_the_reference(evaluate, shared, lite0):
    """Two photographs: the reference renderer against the script, and the fast renderer against that."""
    data = shared / "data" / "imagenet-sample"
    options = {
        "model": "timm/tf_efficientnet_lite0",
        "weights": str(lite0),
        "data": str(data),
        "crops": "1,10,12,144",
        "limit": 2,
    }
    reference, fast = evaluate(renderer="pillow", **options), evaluate(**options)
    paths = sorted(data.glob("*/*.JPEG"))[:2]
    expected = independent.evaluate("tf_efficientnet_lite0", lite0, paths, 224, [256, 288, 320, 352])
    labels = next(reference.shards()).labels
    for protocol in reference.protocols:
        probabilities, theirs = pooled(reference, protocol), pooled(fast, protocol)
        assert np.abs(probabilities - expected[protocol]).max() < 1e-4
        assert (np.argsort(-probabilities)[:, :5] == np.argsort(-expected[protocol])[:, :5]).all()
        assert (theirs.argmax(1) == probabilities.argmax(1)).all()
        rows = np.arange(2)
        assert np.abs(theirs[rows, labels] - probabilities[rows, labels]).mean() < 0.003
        assert (probabilities.argmax(1) == labels).mean() > 0.6


SMALL_NETWORK = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    features = nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4)
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(128, 1000))
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_network_predicts_the_same(evaluate, tmp_path):
    """Compilation may round otherwise; the last batch, which is not full, loses or adds no crop."""
    (tmp_path / "small.py").write_text(SMALL_NETWORK)
    network = {
        "model": f"{tmp_path}/small.py:make",
        "weights": None,
        "input_size": 96,
        "mean": 0.5,
        "std": 0.5,
    }
    options = {"crops": "10", "batch": 8, "allow_implausible": True}
    plain, compiled = (evaluate(compile=compile, **network, **options) for compile in (False, True))
    assert max(largest_difference(plain, compiled, protocol) for protocol in plain.protocols) < 1e-6


PEAK_MEMORY = """
import resource, sys
from pathlib import Path
import bench
from bench.evaluation import engine
engine.SHARD_IMAGES = 25
model, weights, out, *folders = sys.argv[1:]
for data in folders:
    bench.evaluate(model=model, weights=weights, data=data, out=Path(out), crops="10", allow_implausible=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, tiny_weights):
    """Peak memory of a process after 50 and then 200 images, the same picture under other names."""
    picture = tmp_path / "picture.jpg"
    drawn(500, 375).save(picture)

    folders = [tmp_path / "50", tmp_path / "200"]
    for folder in folders:
        (folder / "n01440764").mkdir(parents=True)
        for number in range(int(folder.name)):
            (folder / "n01440764" / f"{number}.jpg").hardlink_to(picture)
    command = [sys.executable, "-c", PEAK_MEMORY, TINY, tiny_weights, tmp_path / "runs", *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    assert many < 1.05 * few


def test_peers_of_the_benchmark_predict_the_same(shared, lite0, tmp_path):
    """The peers in benchmarks/peers.py: timm's loader, TenCrop, and a loop with Pillow."""
    for picture in sorted((shared / "data" / "imagenet-sample").glob("*/*"))[:3]:
        folder = tmp_path / picture.parent.name
        folder.mkdir()
        (folder / picture.name).symlink_to(picture)
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "peers.py"
    command = [sys.executable, script, "--data", tmp_path, "--weights", lite0, "--rounds", "1", "--few", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [(row[0], row[-1]) for row in rows] == [
        ("| 1", "3 of 3 |"),
        ("| 10", "3 of 3 |"),
        ("| 144", "1 of 1 |"),
    ]
