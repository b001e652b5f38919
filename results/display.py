"""How runs and comparisons show themselves in a shell, in a line, and in a notebook, as a small table.

All of it is in the manifest or in the comparison: no shard is read, so that a large run shows at once, and a
damaged one as well.
"""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from results.metrics import error_percent
from results.text import crops_in_words, printable

if TYPE_CHECKING:
    from results.comparison import Comparison
    from results.run import Run


def run_line(run: "Run") -> str:
    """A run in a line, such as `<Run v3 on val (50,000 images): top-1 error 22.42 % (1), 20.90 % (12)>`."""
    errors = top1_errors(run)
    known = ", ".join(f"{error:.2f} % ({name})" for name, error in errors.items() if error is not None)
    shown = f"top-1 error {known}" if known else f"protocols {', '.join(errors)}"
    return printable(f"<Run {_title(run)}: {shown}>")


def run_table(run: "Run") -> str:
    """A run in HTML: the top-1 error under each protocol, and where the run is."""
    rows = [(name, "-" if error is None else f"{error:.2f}") for name, error in top1_errors(run).items()]
    return _table(_title(run), ("protocol", "top-1 error in %"), rows, f"run: {run.path}")


def comparison_line(found: "Comparison") -> str:
    """A comparison in a line."""
    (name_a, name_b), (error_a, error_b) = found.names, found.top1_error
    flips = f"only a is right on {found.only_a_right:,} images, only b on {found.only_b_right:,}"
    errors = f"a {name_a} {error_a:.2f} %, b {name_b} {error_b:.2f} %"
    return printable(f"<Comparison, {_subject(found)}: {errors}; {flips}; p = {found.p_value:.3g}>")


def comparison_table(found: "Comparison") -> str:
    """A comparison in HTML: a row for each run, and the test below."""
    only_right = (found.only_a_right, found.only_b_right)
    rows = [
        (name, f"{error:.2f}", f"{images:,}")
        for name, error, images in zip(found.names, found.top1_error, only_right, strict=True)
    ]
    error_a, error_b = found.top1_error
    low, high = found.interval
    difference = f"difference {error_b - error_a:+.2f} [{low:+.2f}, {high:+.2f}]"
    headings = ("model", "top-1 error in %", "it alone is right")
    return _table(_subject(found), headings, rows, f"{difference}; exact McNemar p = {found.p_value:.3g}")


def top1_errors(run: "Run") -> dict[str, float | None]:
    """The top-1 error in percent of all images by protocol; None where the manifest does not have it: of an
    incomplete run, of one among a set of classes, and of one that an earlier version wrote.
    """
    manifest = run.manifest
    n = sum(shard.images for shard in manifest.shards)
    hits = (manifest.top1_hits or {}) if n and not manifest.data.class_set else {}
    return {name: error_percent(hits[name], n) if name in hits else None for name in run.protocols}


def _title(run: "Run") -> str:
    data = run.manifest.data
    place = data.path.rstrip("/").rpartition("/")[2] or data.path
    state = "" if run.complete else ", incomplete"
    return f"{run.name} on {place} ({data.images:,} images{state})"


def _subject(found: "Comparison") -> str:
    return f"{crops_in_words(found.protocol)}, {found.image_set}{found.scored}, n = {found.n:,}"


def _table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], below: str) -> str:
    """A table in HTML whose first column names the rows. Text from elsewhere is escaped."""
    head = "".join(f'<th scope="col">{_cell(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>{"".join(f"<td>{_cell(each)}</td>" for each in rest)}</tr>'
        for first, *rest in rows
    )
    table = f"<caption>{_cell(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f"<table>{table}</table><p>{_cell(below)}</p>"


def _cell(text: str) -> str:
    return escape(printable(text))
