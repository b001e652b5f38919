import pytest

from tests.helpers import cli_error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "mini", "--out", ""], "an empty name leads nowhere: write a file or a folder"),
        (["--data", "", "--out", "v2"], "an empty name leads nowhere: write a file or a folder"),
        (["--data", "mini", "--out", "memory://v2"], "training writes to a folder of this machine"),
    ],
)
def test_wrong_place_is_an_error(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in cli_error("train", *options, code=2)
    assert not list(tmp_path.iterdir())
