"""How far the probabilities can be believed: for each run a chart, and the figures beside it."""

from dataclasses import dataclass

from results.calibration import BINS, Calibration, calibration
from results.metrics import wilson_interval
from results.report.html.charts import Chart, Line, Point, draw, for_page
from results.run import Run
from results.scoring import Scoring, judge
from results.text import crops_in_words, printable


@dataclass(frozen=True)
class Reliability:
    """A run's."""

    title: str
    """What the page calls the run."""
    chart: Chart
    calibrations: dict[str, Calibration]
    """Those of the single crop and of the last protocol, by their names in words."""


def reliability(run: Run, title: str, scoring: Scoring) -> Reliability:
    """How often the predicted class is right, against its probability, on all images.

    `scoring` is by the run's own labels. Raises `IncompleteRun`.
    """
    single = "1" if "1" in run.protocols else run.protocols[0]
    protocols = dict.fromkeys((single, run.protocols[-1]))
    found = dict.fromkeys(protocols, Calibration())
    for shard in run.shards():
        judged = judge(shard, scoring.of_run(run))
        assert judged.labels is not None  # an image has one label of its own
        for protocol in protocols:
            found[protocol] += calibration(judged.probabilities(protocol), judged.labels)
    calibrations = {crops_in_words(protocol): each for protocol, each in found.items()}
    return Reliability(title, _chart(title, calibrations), calibrations)


def _chart(title: str, calibrations: dict[str, Calibration]) -> Chart:
    """A line for each calibration; below it bars, the share of the images that each bin has."""
    name = f"Reliability of {title}"
    axis, vertical = "probability of the predicted class, %", "right, %"
    lines = [Line(words, _points(each, words)) for words, each in calibrations.items()]
    shares = [
        {
            "line": printable(words),
            "from": 100 * number / BINS,
            "to": 100 * (number + 1) / BINS,
            "share": share,
        }
        for words, each in calibrations.items()
        for number, share in enumerate((100 * each.images / each.n).tolist())
    ]
    x = {"field": "x", "type": "quantitative", "title": axis, "scale": {"domain": [0, 100]}}
    bars = {
        "data": {"values": shares},
        "mark": {"type": "bar", "opacity": 0.25, "aria": False},
        "encoding": {
            "x": {"field": "from", "type": "quantitative"},
            "x2": {"field": "to"},
            "y": {"field": "share", "type": "quantitative", "stack": None},
            "y2": {"datum": 0},
            "color": {"field": "line", "type": "nominal", "sort": None, "legend": None},
        },
    }
    diagonal = {
        "data": {"values": [{"x": 0, "error": 0}, {"x": 100, "error": 100}]},
        "mark": {"type": "line", "stroke": "var(--soft)", "strokeDash": [4, 4], "aria": False},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "error", "type": "quantitative"},
        },
    }
    drawn = draw(lines, x, {"title": vertical, "scale": {"domain": [0, 100]}})
    return Chart(name, axis, vertical, lines, for_page(name, bars, diagonal, drawn))


def _points(found: Calibration, words: str) -> list[Point]:
    """A point for each bin with images, in percent."""
    points = []
    for confidence, share, images in found.reliability():
        low, high = wilson_interval(round((1 - share) * images), images)
        text = f"{words}: of {images:,} images at {100 * confidence:.1f} %, {100 * share:.1f} % are right"
        points.append(Point(100 * confidence, 100 * share, low, high, text, images))
    return points
