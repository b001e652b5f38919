import pytest

from results.report.html.reliability import reliability
from results.scoring import AS_STORED
from results.tables import accuracy, predictions
from tests.helpers import random_run


def test_points_are_the_bins_of_the_single_crop_and_of_the_last_protocol(tmp_path):
    run = random_run(tmp_path / "run", 0, images=200)
    single, last = reliability(run, "net", AS_STORED).chart.lines
    for line, protocol, name in ((single, "1", "1 crop"), (last, "10", "10 crops")):
        assert line.name == name
        assert sum(point.images for point in line.points) == 200
        frame = predictions(run, protocol)
        chosen = frame[(frame["p1"] > 4 / 15) & (frame["p1"] <= 5 / 15)]
        share, sure = (chosen["top1"] == chosen["label"]).mean(), chosen["p1"].mean()
        (point,) = (point for point in line.points if 400 / 15 < point.x <= 500 / 15)
        assert (point.images, point.error) == (len(chosen), pytest.approx(100 * share))
        assert point.x == pytest.approx(100 * sure)
        assert point.low < point.error < point.high
        words = f"{name}: of {len(chosen)} images at {100 * sure:.1f} %, {100 * share:.1f} % are right"
        assert point.text == words


def test_figures_beside_the_chart_are_those_of_the_table(tmp_path):
    run = random_run(tmp_path / "run", 0)
    found = reliability(run, "net", AS_STORED).calibrations
    table = accuracy([run]).set_index("protocol")
    for name, protocol in (("1 crop", "1"), ("10 crops", "10")):
        assert found[name].ece == pytest.approx(table.loc[protocol, "ece"])
        assert found[name].nll == pytest.approx(table.loc[protocol, "nll"])


def test_bars_are_the_shares_of_the_images_in_each_bin(tmp_path):
    run = random_run(tmp_path / "run", 0)
    bars = reliability(run, "net", AS_STORED).chart.specification["layer"][0]["data"]["values"]
    shares = [bar["share"] for bar in bars if bar["line"] == "1 crop"]
    confidence = predictions(run, "1")["p1"]
    expected = [100 * ((confidence > n / 15) & (confidence <= (n + 1) / 15)).mean() for n in range(15)]
    assert shares == pytest.approx(expected)
