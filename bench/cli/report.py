"""inception-bench report"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.app import app
from bench.cli.output import STDOUT, note, note_clean_runs, write_text
from bench.cli.parameters import ClassSet, PictureData, Quiet, RunFolders, Truths, leave_out_files
from bench.cli.scorings import read_scorings
from bench.errors import UsageError
from results.storage import parse_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from results.run import Run
    from results.scoring import Scoring


@app.command(epilog="Example: inception-bench report runs/v3-val-144-1a2b3c4d -o table.md")
def report(
    runs: RunFolders,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="A .csv, .md, .tex, .json or .html file, or - for stdout. With a folder, such as site/, RUN "
            "is a folder of runs, and each has a page of its own.",
        ),
    ] = "-",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv, md, tex, json or html (default: as the ending says, else md); or hub: a card for the "
            "Hugging Face hub, or with the ending .yaml its .eval_results.",
        ),
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration",
            help="Show negative log-likelihood, Brier score and calibration error, too; csv and json always "
            "have them.",
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="class", help="A row for each class.", show_default=False),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol", help="With --by: of which (default: each run's last).", show_default=False
        ),
    ] = None,
    classes: ClassSet = None,
    truth: Truths = [],  # noqa: B006 - Typer takes a list
    data: PictureData = None,
    quiet: Quiet = False,
) -> None:
    """Write runs as a table: .md, .csv, .tex, .json or .html.

    One run or several, beside the published figures; .html is a page with pictures. With `-o site/` it writes
    an index of all runs in a folder, and a page for each. The same command again renews what has changed.
    """
    from results.report.class_tables import CLASS_FORMATS
    from results.run import Run

    if _is_folder(output):
        _refuse_options(output, format=format, by=by, protocol=protocol, classes=classes, truth=truth)
        _write_site(leave_out_files(runs), output, data, calibration)
        return
    kind = _choose_format(output, format)
    if by not in (None, "class"):
        raise UsageError(f"no table by {by!r}: write --by class")
    if protocol and not by:
        raise UsageError("--protocol is of --by class: add that, or leave --protocol out")
    if by and kind not in CLASS_FORMATS:
        raise UsageError(f"--by class is written as {', '.join(CLASS_FORMATS)}, not as {kind}")
    if calibration and (by or kind == "hub"):
        raise UsageError(
            f"--calibration is not for {'--by class' if by else 'the hub'}: leave one of them out"
        )
    opened = [Run.open(path) for path in leave_out_files(runs)]
    scorings = read_scorings(opened, classes, truth)
    if by:
        write_text(output, CLASS_FORMATS[kind](_class_table(opened, scorings, protocol)))
        return
    if classes is None:
        note_clean_runs(opened)
    if kind == "html":
        from bench.views.page import page

        write_text(output, page(opened, scorings, data=data, note=note, calibration=calibration))
    else:
        write_text(output, _write_table(opened, scorings, output, kind, calibration))


def _is_folder(output: str) -> bool:
    """Whether the output is for a site."""
    return output not in STDOUT and (output.endswith("/") or parse_path(output).is_dir())


def _refuse_options(output: str, **values: object) -> None:
    """Raise `UsageError` for the first of these options that has a value: a site does not take them."""
    for name, value in values.items():
        if value:
            raise UsageError(f"--{name} is not for {output}, a site of pages: leave it out, or name a file")


def _write_site(folders: "Sequence[Path]", output: str, data: str | None, calibration: bool) -> None:
    """Write a site of the runs in a folder. Raises `IncompleteRun` after that, where some are incomplete."""
    from bench.views.site import INDEX, write_site
    from results.errors import IncompleteRun
    from results.run import MANIFEST

    folder = folders[0]
    if len(folders) > 1 or folder.name == MANIFEST or (folder / MANIFEST).exists():
        raise UsageError(
            f"{output} is for all runs in a folder: name that folder alone, or write a .html file"
        )
    notes: list[str] = []
    target = parse_path(output)
    found = write_site(folder, target, write_text, data=data, note=notes.append, calibration=calibration)
    if notes:
        more = f"; and {len(notes) - 1:,} more of this kind" if len(notes) > 1 else ""
        note(f"{notes[0]}{more}")
    for _, line in found.left_out:
        note(line)
    if found.incomplete:
        (_, line), number = found.incomplete[0], len(found.incomplete)
        more = f" (and {number - 1:,} more)" if number > 1 else ""
        raise IncompleteRun(f"not counted in {target / INDEX}: {line}{more}")


def _choose_format(output: str, format: str | None) -> str:
    """The name of the format. Raises `UsageError` where there is none, or the ending is not one of it."""
    from results.report import FORMATS

    ending = Path(output).suffix[1:]
    kind = format or ending or "md"
    if kind not in (*FORMATS, "html", "hub"):
        raise UsageError(f"no format {kind!r} for {output}: write {', '.join(FORMATS)}, html or hub")
    if kind == "hub" and ending not in ("", "md", "yaml"):
        raise UsageError(
            f"{output} is no file for the hub: write a .md for a card, a .yaml for .eval_results"
        )
    return kind


def _class_table(
    runs: "Sequence[Run]", scorings: "Sequence[Scoring]", protocol: str | None
) -> "pd.DataFrame":
    from bench.views.thumbnails import class_labels
    from results.class_rows import accuracy_by_class

    return accuracy_by_class(runs, [class_labels(run) for run in runs], protocol, scorings)


def _write_table(
    runs: "Sequence[Run]", scorings: "Sequence[Scoring]", output: str, kind: str, calibration: bool
) -> str:
    """The table as text."""
    from results.report import FORMATS, hub, latex, markdown
    from results.tables import accuracy

    table = accuracy(runs, scorings)
    if kind == "hub":
        write = hub.write_entries if output.endswith(".yaml") else hub.write_card
        return write(runs, table)
    with_calibration = {"md": markdown.write, "tex": latex.write}  # the others always have it
    if calibration and kind in with_calibration:
        return with_calibration[kind](table, calibration=True)
    return FORMATS[kind](table)
