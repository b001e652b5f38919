"""The chart that shows how far probabilities can be believed."""

from collections.abc import Iterator, Sequence

from results.calibration import Calibration
from results.metrics import wilson_interval
from results.report.html.charts import Line, Point, Tick, page_chart
from results.run import Run
from results.scoring import Scoring
from results.tables import Counts, count_hits

TICKS = [Tick(percent, f"{percent} %") for percent in range(0, 101, 20)]


def reliability_chart(runs: Sequence[Run], titles: Sequence[str], scoring: Scoring) -> str:
    """An <svg> element for the HTML page: how often the predicted class is right, against its probability.

    Each run, which the chart calls by its title, has a line for the single crop and one for its last
    protocol. `scoring` is by the runs' own labels. Raises `IncompleteRun`.
    """
    lines = [line for run, title in zip(runs, titles, strict=True) for line in _lines(run, title, scoring)]
    ends = [Point(x, x, x, x, f"{x:.0f} %") for x in (0.0, 100.0)]
    lines.append(Line("as often as it says", ends))
    return page_chart("Reliability", "probability of the predicted class", lines, TICKS, scale=float)


def _lines(run: Run, title: str, scoring: Scoring) -> Iterator[Line]:
    single = "1" if "1" in run.protocols else run.protocols[0]
    counts = {name: Counts() for name in dict.fromkeys((single, run.protocols[-1]))}
    for shard in run.shards():
        found = count_hits(shard, None, scoring=scoring.of_run(run))
        counts = {name: before + found[name, "all"] for name, before in counts.items()}
    for protocol, count in counts.items():
        assert count.calibration  # an image has one label of its own
        # a long name is cut at its end
        yield Line(f"{protocol}, {title}", _points(count.calibration, f"{title}, {protocol}"))


def _points(calibration: Calibration, name: str) -> list[Point]:
    """A point for each bin with images, in percent."""
    points = []
    for confidence, share, images in calibration.reliability():
        low, high = wilson_interval(round((1 - share) * images), images)
        text = f"{name}: of {images:,} images at {100 * confidence:.1f} %, {100 * share:.1f} % are right"
        points.append(Point(100 * confidence, 100 * share, low, high, text))
    return points
