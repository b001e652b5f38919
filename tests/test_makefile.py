"""What `make` installs, in which order, and what it says of it."""

import os
import subprocess

import pytest

from tests.packages import ROOT

STUB = """#!/bin/sh
echo "$@" >> "{log}"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""
"""A Python that writes down how it was called; the environments that it makes have it, too."""

PINS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


@pytest.fixture
def install(tmp_path):
    """`make install` with these variables, by the stub: what it printed, and the calls of pip."""
    log, python = tmp_path / "calls", tmp_path / "python"
    without = ("MAKEFLAGS", "TORCH", "INDEX")  # of the `make` that runs the tests, for one
    environment = {name: value for name, value in os.environ.items() if name not in without}
    python.write_text(STUB.format(log=log))
    python.chmod(0o755)

    def run(*variables, code=0):
        log.write_text("")
        done = subprocess.run(
            ["make", "-s", "install", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", *variables],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        calls = [line.split(" install ")[1] for line in log.read_text().splitlines() if " install " in line]
        return done, calls

    return run


def test_installation_says_its_size_and_lets_pip_show_its_progress(install):
    done, (_, everything) = install()
    assert "about 7 GB, most of it the CUDA 13 build of torch" in done.stdout
    assert everything == "--no-compile -c constraints.txt -e .[dev,caffe,detection,hf,onnx,pytorchcv,s3]"


def test_build_of_torch_comes_first_from_its_own_index_and_without_cuda_of_the_other(install, tmp_path):
    done, (_, torch, everything) = install("TORCH=cpu")
    assert "the build cpu of torch" in done.stdout
    pins = [pin for pin in PINS if pin.startswith(("torch==", "torchvision=="))]
    assert torch == f"--index-url https://download.pytorch.org/whl/cpu {' '.join(pins)}"
    constraints = tmp_path / "venv" / "constraints.txt"
    assert everything == f"--no-compile -c {constraints} -e .[dev,caffe,detection,hf,onnx,pytorchcv,s3]"
    left_out = set(PINS) - set(constraints.read_text().splitlines())
    assert {pin.split("==")[0].split("-")[0] for pin in left_out} == {"cuda", "nvidia", "triton"}


def test_environment_keeps_its_build_of_torch(install):
    install("TORCH=cpu")
    assert install()[1] == []
    done, calls = install("TORCH=cu126", code=2)
    assert 'another build of torch: run "make clean" first, or add VENV=.venv-cu126' in done.stderr
    assert calls == []


def test_every_pin_is_a_version_that_any_machine_can_install():
    assert [pin for pin in PINS[1:] if "==" not in pin or " " in pin] == []
