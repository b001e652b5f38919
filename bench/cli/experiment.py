"""inception-bench experiment"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.app import app
from bench.cli.output import inform, progress, show
from bench.cli.parameters import MEANINGS, Json, Quiet, Wide
from bench.errors import UsageError
from results.storage import is_local, parse_path

if TYPE_CHECKING:
    from bench.experiments.run import Scale
    from bench.experiments.table import Experiment


@app.command(epilog="Example: inception-bench experiment grid-reduction")
def experiment(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A name that `inception-bench experiments` lists.",
            show_default=False,
            autocompletion=completion.experiments,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="The folder of images, trainings, runs and charts; what is there is used again.",
            parser=parse_path,
            metavar="PATH",
        ),
    ] = Path("experiments"),
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            help="Epochs of each training (default: as many as take minutes on a laptop).",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each variant.")] = 1,
    images: Annotated[
        int, typer.Option("--images", min=32, help="Training images to draw, where --data names none.")
    ] = 3000,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="Training images of your own, as `train` takes them.", show_default=False
        ),
    ] = None,
    val: Annotated[
        str | None,
        typer.Option(
            "--val",
            help="Images to evaluate on (default: the mini set; imagenet/val with --full).",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Print the commands of the experiment at full size, and train nothing."),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that decode.")] = 2,
    device: Annotated[str, typer.Option("--device", help=MEANINGS["device"])] = "auto",
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Repeat an experiment of the papers with small networks.

    The same command continues.
    """
    from bench.experiments.table import find_experiment

    found = find_experiment(name)
    if not found.variants:
        _show_costs(found, as_json, wide)
        return
    if full:
        _show_commands(found, out, data or "imagenet/train", val or "imagenet/val", as_json)
        return
    if not is_local(out):
        raise UsageError(f"--out {out}: training writes to a folder of this machine, name one")
    from bench.experiments.run import Scale

    scale = Scale(out, data, val or "mini", images, epochs or found.epochs, seeds, workers, device)
    _run(found, scale, as_json, wide)


def _run(found: "Experiment", scale: "Scale", as_json: bool, wide: bool) -> None:
    from bench.experiments.outcome import effects, epochs_table, final_rows, write_outcome
    from bench.experiments.outcome_tables import outcome_tables
    from bench.experiments.run import run_experiment
    from results.report.json import summary

    with progress() as reporter:
        trainings = run_experiment(found, scale, reporter)
    table, compared = epochs_table(trainings), effects(trainings)
    files = write_outcome(found.name, table, scale.out)
    inform(f"wrote {' and '.join(map(str, files))}")
    if as_json:
        described = {"name": found.name, "source": found.source, "finding": found.finding}
        rows = summary(final_rows(table)) | {"effects": [asdict(effect) for effect in compared]}
        print(json.dumps(described | {"files": [str(file) for file in files]} | rows))
    else:
        show(*outcome_tables(found, trainings, table, compared), wide=wide)


def _show_costs(found: "Experiment", as_json: bool, wide: bool) -> None:
    from bench.experiments.factorisation_cost import costs
    from bench.experiments.outcome_tables import cost_tables

    if as_json:
        described = {"name": found.name, "source": found.source, "finding": found.finding}
        print(json.dumps(described | {"rows": [asdict(cost) for cost in costs()]}))
    else:
        show(*cost_tables(found, costs()), wide=wide)


def _show_commands(found: "Experiment", out: Path, data: str, val: str, as_json: bool) -> None:
    commands = found.commands(out, data, val)
    if as_json:
        print(json.dumps(commands))
        return
    for label, lines in commands.items():
        print(f"# {label}", *lines, sep="\n")
