"""The whole engine on a pretended GPU, against the CPU; and what the device has to do for an image."""

import json
import os

import pytest

from tests.processes import Forks

pytest.importorskip("triton")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    imports = "import warnings; warnings.simplefilter('ignore'); import tests.pretended_gpu"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    forks = Forks(tmp_path_factory.mktemp("printed"), imports, environment)
    yield forks
    forks.close()


@pytest.fixture
def run(processes):
    """Call `tests.pretended_gpu`; what it prints."""

    def run(*arguments, code=0):
        done = processes.run(f"tests.pretended_gpu.main(*{list(map(str, arguments))})")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 else done.stderr

    return run


@pytest.mark.parametrize(
    ("crops", "precision", "images", "tolerance"), [("1,10", "fp32", 5, 1e-3), ("144", "fp16", 1, 5e-3)]
)
def test_results_are_those_of_the_cpu_and_rendering_takes_few_launches(
    run, crops, precision, images, tolerance
):
    """The CPU resizes bytes in another way than Pillow, whose pixels the device has."""
    found = run("mini-v3", crops, precision, images)
    assert max(found["differences"].values()) < tolerance
    assert set(found["same_top1"].values()) == {images}
    chunks = -(-images // 4)
    batches = -(-images * (144 if crops == "144" else 10) // 16)
    assert found["launches"]["resample"] == 4 * chunks if crops == "144" else 2 * chunks
    assert found["launches"]["gather"] <= batches + chunks
    assert found["transfers"] == {
        "to the device": 2 * chunks,
        "to the host": found["transfers"]["to the host"],
    }
    assert found["transfers"]["to the host"] <= batches


def test_dense_views_run_there_too(run):
    """Each image is rendered alone."""
    found = run("mini-v3", "dense", "fp32", 2)
    assert max(found["differences"].values()) < 1e-3
    assert set(found["same_top1"].values()) == {2}
    assert "resample" not in found["launches"]


def test_tensor_that_was_left_on_the_host_is_noticed(run):
    assert "tensors on the device and on the host" in run("mini-v3", "1", "fp32", 1, "forgotten", code=1)
