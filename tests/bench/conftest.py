"""What the tests of hostile input share: `eval` beside a finished run, which has to stay as it is."""

from pathlib import Path

import pytest

import bench
from results.run import Run
from tests.conftest import TINY, drawn
from tests.helpers import cli_error, cli_json


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, tiny_weights):
    """A run of the small network on four photos in three WordNet folders. No test may change it."""
    folder = tmp_path_factory.mktemp("finished")
    for wordnet_id, sizes in {
        "n01440764": [(200, 150), (240, 171)],
        "n01443537": [(150, 200)],
        "n01484850": [(180, 180)],
    }.items():
        (folder / "photos" / wordnet_id).mkdir(parents=True)
        for number, size in enumerate(sizes):
            drawn(*size, number).save(folder / "photos" / wordnet_id / f"{number}.JPEG")
    return bench.evaluate(model=TINY, weights=str(tiny_weights), data=folder / "photos", out=folder / "runs")


def files_of(run):
    """The bytes of each file of a run."""
    return {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


@pytest.fixture
def eval_beside_a_run(finished_run, tiny_weights):
    """The command that evaluates the small network and writes beside the finished run.

    The finished run must be the same after the test. An option that a test adds replaces one of these.
    """
    before = files_of(finished_run)
    yield ["eval", "--model", TINY, "--weights", tiny_weights, "--out", finished_run.path.parent]
    assert files_of(finished_run) == before


@pytest.fixture
def eval_refusal(eval_beside_a_run):
    """Call `eval`, which has to refuse its input in one line; that line."""

    def refuse(*options):
        line = cli_error(*eval_beside_a_run, *options, code=1)
        assert "a bug of inception-bench" not in line
        return line

    return refuse


@pytest.fixture
def eval_run(eval_beside_a_run):
    """Call `eval`, which has to succeed; its run."""

    def evaluate(*options):
        return Run.open(Path(cli_json(*eval_beside_a_run, *options)["run"]))

    return evaluate
