from importlib.metadata import PackageNotFoundError, version

import torch

from bench.evaluation import environment


def test_versions_are_those_of_the_packages():
    found = environment.environment()
    assert found["torch"] == version("torch")
    assert set(environment.LIBRARIES) < set(found)


def test_package_that_is_not_installed_has_no_version(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(environment, "version", missing)
    assert environment.environment()["pytorchcv"] is None


def test_commit_is_that_of_the_checkout(monkeypatch, tmp_path):
    commit = environment.environment()["git_commit"]
    assert commit is None or len(commit) == 40
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "bench" / "evaluation" / "environment.py"))
    assert environment.environment()["git_commit"] is None


def test_gpus_versions_are_there_where_a_gpu_is(monkeypatch):
    assert torch.cuda.is_available() or not {"cuda", "cudnn", "driver"} & set(environment.environment())
    printed = {"nvidia-smi": "580.65.06\n580.65.06", "git": None}
    monkeypatch.setattr(environment, "_output_of", lambda program, *more, folder=None: printed[program])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    found = environment.environment()
    assert (found["cuda"], found["cudnn"], found["driver"]) == ("13.0", "91002", "580.65.06")


def test_program_that_is_not_there_has_no_output():
    assert environment._output_of("no-such-program-as-this") is None
