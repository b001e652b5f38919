"""Commands that read runs."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import Json, Runs, app, write_text
from bench.errors import UsageError
from results.storage import place


@app.command(epilog="Example: inception-bench report runs/v3-val-144-1a2b3c4d -o table.md")
def report(
    runs: Runs,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .csv, .md, .tex, .json or .html file, or - for stdout.")
    ] = "-",
    format: Annotated[
        str | None,
        typer.Option("--format", help="csv, md, tex, json or html, where the ending does not say."),
    ] = None,
    real: Annotated[
        bool,
        typer.Option("--real", help="On the .html page: what the ReaL labels say of ImageNet's mistakes."),
    ] = False,
) -> None:
    """Write the table of one run or several, beside the published figures; as .html, a page with pictures."""
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    kind = format or (Path(output).suffix[1:] if output != "-" else "md")
    if kind not in (*FORMATS, "html"):
        raise UsageError(f"no format {kind!r} for {output}: write {', '.join(FORMATS)} or html")
    if real and kind != "html":
        raise UsageError(f"--real is for the page, not for {kind}: write -o report.html")
    opened = [Run.open(path) for path in runs]
    if kind == "html":
        from bench.views.page import page

        write_text(output, page(opened, real=real))
    else:
        write_text(output, FORMATS[kind](accuracy(opened)))


@app.command(
    epilog="Example: inception-bench predictions runs/v3-val-144-1a2b3c4d --protocol 144 -o predictions.csv"
)
def predictions(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False, parser=place)
    ],
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="One of the run's; by default its last.", show_default=False),
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="A .csv file, or - for stdout.")] = "-",
) -> None:
    """Write one line an image: image, label, the five best classes, their probabilities, that of the label."""
    from results.report.csv import write
    from results.run import Run
    from results.tables import predictions as table

    if output != "-" and Path(output).suffix != ".csv":
        raise UsageError(f"{output}: predictions are written as .csv")
    opened = Run.open(run)
    name = protocol or opened.protocols[-1]
    if name not in opened.protocols:
        raise UsageError(f"{run} has no protocol {name!r}: it has {', '.join(opened.protocols)}")
    write_text(output, write(table(opened, name)))


@app.command(epilog="Example: inception-bench compare runs/v3-val-144-1a2b3c4d runs/v4-val-144-5e6f7a8b")
def compare(
    a: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False, parser=place)
    ],
    b: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder of another on the same images.", show_default=False, parser=place
        ),
    ],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="By default the last that both have.", show_default=False)
    ] = None,
    image_set: Annotated[str, typer.Option("--image-set", help="all or non-blacklisted")] = "all",
    show: Annotated[
        Path | None,
        typer.Option("--show", help="Draw the images that flipped into this .png.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two runs image by image: errors, flips, an exact paired test, the classes that gained and lost."""
    from results.comparable import common_protocol
    from results.comparison import compare as compare_runs
    from results.report.verdicts import show_comparison
    from results.run import Run

    runs = [Run.open(path) for path in (a, b)]
    found = compare_runs(runs[0], runs[1], protocol, image_set)
    if show:
        from bench.views.flips import draw_flips

        print(draw_flips(found, runs, show), file=sys.stderr)
    if as_json:
        counts = {
            "flipped": [found.only_a_right, found.only_b_right],
            "p_value": found.p_value,
            "difference_interval": found.interval,
        }
        print(
            json.dumps(
                {"n": found.n, "protocol": common_protocol(runs, protocol), "top1_error": found.top1_error}
                | counts
            )
        )
        return
    show_comparison(found, runs, common_protocol(runs, protocol), image_set)


@app.command(
    epilog="Example: inception-bench check runs/v3-val-144-1a2b3c4d --against baseline.csv --tolerance 0.1"
)
def check(
    measured: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_OR_TABLE...", help="Runs, or a CSV.", show_default=False, parser=place),
    ],
    against: Annotated[
        Path,
        typer.Option("--against", help="The baseline: a CSV, or a run.", show_default=False, parser=place),
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Points by which an error may be worse.")
    ] = 0.1,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Where both are runs: p below which a paired test fails.")
    ] = 0.01,
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="Fail when better, too, so that baselines are renewed.")
    ] = False,
    update: Annotated[bool, typer.Option("--update", help="Make what was measured the baseline.")] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write JUnit XML to this file.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold runs to a baseline, for CI: exit code 3 when a row is worse, missing, or on other images."""
    from dataclasses import asdict

    from bench import gate
    from results.baseline import junit as as_junit
    from results.report.verdicts import show_verdicts
    from results.storage import write

    wanted = gate.Gate(tolerance, alpha, both_ways)
    if update:
        gate.update(measured, against)
        print(f"wrote {against}", file=sys.stderr)
    verdicts = gate.check(measured, against, wanted)
    if junit:
        write(junit, as_junit(verdicts, str(against)))
    for line in gate.tell_github(verdicts, against):
        print(line, file=sys.stderr if as_json else sys.stdout)
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        print(json.dumps({"passed": passed, "rows": [asdict(verdict) for verdict in verdicts]}))
    else:
        show_verdicts(verdicts, str(against))
    if not passed:
        raise typer.Exit(3)
