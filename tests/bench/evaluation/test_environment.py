from importlib.metadata import PackageNotFoundError, version

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
