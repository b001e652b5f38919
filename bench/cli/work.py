"""Commands that run networks."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.app import DEFAULT, MEANING, Json, app, flag, only_first, takes_options, write_text
from bench.errors import WeightsError
from bench.options import Options
from results.storage import place


@app.command("eval", epilog="Example: inception-bench eval --model v3 --crops 144 --data imagenet/val")
@takes_options()
def eval_(options: Options, as_json: Json = False) -> None:
    """Evaluate one network: top-1 and top-5 error for each protocol and image set, and a run on disk."""
    from bench.evaluation.evaluate import run_evaluation
    from bench.progress import Console
    from results.report import terminal
    from results.report.json import summary
    from results.tables import accuracy

    if options.weights and Path(options.weights).is_dir():
        from bench.training.curve import over_training

        with Console() as console:
            runs, table = over_training(options, console)
        only_first()
        if as_json:
            print(json.dumps({"runs": [str(run.path) for run in runs]} | summary(table)))
        else:
            terminal.show_epochs(table)
        return
    with Console() as console:
        run = run_evaluation(options, console)
    only_first()
    table = accuracy([run])
    if as_json:
        print(json.dumps({"run": str(run.path)} | summary(table)))
    else:
        terminal.show(table)
        print(f"run: {run.path}")


@app.command(epilog="Example: inception-bench demo --out runs")
def demo(out: Annotated[Path, flag("out")] = DEFAULT.out, as_json: Json = False) -> None:
    """Evaluate four small Inception networks and their ensemble on the mini set that comes along; no ImageNet needed."""
    from bench.mini.demo import run_demo
    from bench.progress import Console
    from results.report import FORMATS, terminal
    from results.report.json import summary
    from results.tables import accuracy

    with Console() as console:
        runs = run_demo(out, console)
    only_first()
    table = accuracy(runs)
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs]} | summary(table)))
    else:
        terminal.show(table)
    for format in ("csv", "md"):
        write_text(str(out / f"demo.{format}"), FORMATS[format](table))


SHARED = (
    *("crops", "scales", "data", "labels", "devkit", "blacklist", "limit", "shuffle_seed"),
    *("device", "precision", "batch", "workers", "out", "fresh", "skip_unreadable", "allow_implausible"),
)
"""The options of an evaluation that one of several networks takes as well."""


@app.command(epilog="Example: inception-bench ensemble --models v4,ir-v2 --crops 144 --data imagenet/val")
@takes_options(*SHARED)
def ensemble(
    options: Options,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN...]", help="Folders of runs.", show_default=False, parser=place),
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            help="Networks to evaluate first: NAME, NAME.TAG or NAME=FILE, by commas.",
            show_default=False,
        ),
    ] = "",
    each: Annotated[
        bool, typer.Option("--each", help="Show how the error falls as members are added.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Average the probabilities of runs, or of networks that are evaluated first; what comes out is a run."""
    from results.ensemble import ensemble as pool
    from results.ensemble import growth
    from results.report import terminal, verdicts
    from results.report.json import summary
    from results.run import Run
    from results.tables import accuracy

    members = [Run.open(path) for path in runs or []]
    if models:
        from bench.evaluation.evaluate import run_several
        from bench.progress import Console

        with Console() as console:
            members += run_several(models, options, console)
    only_first()
    run = pool(members, options.out, fresh=options.fresh)
    table = accuracy([run])
    steps = growth(members) if each else None
    if as_json:
        more = {} if steps is None else {"each": steps.to_dict("records")}
        print(json.dumps({"run": str(run.path)} | summary(table) | more))
        return
    if steps is None:
        terminal.show(table)
    else:
        verdicts.show_growth(steps, [member.manifest["model"]["name"] for member in members])
    print(f"run: {run.path}")


@app.command(epilog="Example: inception-bench reproduce inception-v4/table4 --data imagenet/val")
@takes_options(*(name for name in SHARED if name not in ("crops", "scales")))
def reproduce(
    options: Options,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="Such as inception-v4/table4, a paper, or mini.", show_default=False
        ),
    ],
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights", help="Your own, NAME=FILE; as often as there are some.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, and about how long.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run each row of a paper's table that has weights, and print it beside the paper, with a verdict."""
    from bench.data import open_images
    from bench.evaluation import reproduce as reproduction
    from bench.evaluation.prepare import check
    from bench.progress import Console
    from results.report import verdicts

    rows = reproduction.rows_of(table, weights or [])
    check(options)
    images = open_images(options.data, options.labels, options.devkit).sample(
        options.limit, options.shuffle_seed
    )
    reproduction.check_classes(rows, images, options)
    if dry_run:
        listed = reproduction.estimate(rows, options, images)
        without = [{"network": row.paper["network"], "why": row.why} for row in rows if row.why]
        if as_json:
            print(json.dumps({"would_run": listed, "without_weights": without}))
        else:
            verdicts.show_estimate(listed, without)
        return
    with Console() as console:
        runs, records = reproduction.reproduce(rows, options, console)
    only_first()
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs], "rows": records}, allow_nan=False))
    else:
        verdicts.show_reproduction(records)
    if not runs and any(row.members for row in rows):
        raise WeightsError(
            f"no weights of {table} could be had: see why in the table, or bring them with --weights NAME=FILE"
        )


@app.command(epilog="Example: inception-bench doctor --model v3 --crops 144 --data imagenet/val --read")
@takes_options(
    *("model", "weights", "crops", "scales", "interpolation", "pool", "dialect", "label_order", *SHARED[2:8]),
    *("device", "precision", "batch", "workers", "compile", "renderer", "out"),
)
def doctor(
    options: Options,
    read: Annotated[bool, typer.Option("--read", help="Decode every image.")] = False,
    as_json: Json = False,
) -> None:
    """Look at data, weights and machine before hours are spent: a line each, exit code 1 when a run could not be trusted."""
    from dataclasses import asdict

    from bench.planning.doctor import examine, passed
    from bench.progress import Console

    findings = []
    with Console() as console:
        for finding in examine(options, console, read=read):
            findings.append(finding)
            if not as_json:
                print(f"{finding.state:<6}{finding.what:<13}{' '.join(finding.words.split())}", flush=True)
    if as_json:
        print(json.dumps({"passed": passed(findings), "findings": [asdict(finding) for finding in findings]}))
    if not passed(findings):
        raise typer.Exit(1)


@app.command(epilog="Example: inception-bench throughput --model v3 --crops 144 --data imagenet/val")
@takes_options(
    *("model", "weights", "crops", "scales", "interpolation", "dialect", "data", "labels", "devkit", "limit"),
    *("device", "precision", "batch", "workers", "compile", "renderer"),
)
def throughput(
    options: Options,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Times that each stage is measured, in turns.")
    ] = 5,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="How long a stage is measured each time, about.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Measure what this machine can do, stage by stage, and how near a whole evaluation comes to its slowest stage."""
    from bench.planning.throughput import run_throughput
    from bench.progress import Console

    with Console() as console:
        measured = run_throughput(options, rounds, seconds, console)
    print(json.dumps(measured.describe()) if as_json else measured.text())


@app.command(
    epilog="Example: inception-bench train --model v2 --recipe rethinking --data imagenet/train --out v2-rethinking"
)
def train(
    data: Annotated[
        str, typer.Option("--data", help="Training images in folders by WordNet id.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The folder of checkpoints and log; a training there goes on.", show_default=False
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", help="A name that `inception-bench models` lists, or PROVIDER/NAME.")
    ] = "v2",
    recipe: Annotated[
        str, typer.Option("--recipe", help="googlenet, rethinking or inception-v4.")
    ] = "rethinking",
    without: Annotated[
        str,
        typer.Option(
            "--without",
            help="Parts to leave out: rmsprop, clipping, smoothing, auxiliary, distortion, averaging.",
        ),
    ] = "",
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Another first learning rate than the paper's.", show_default=False),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Epochs in all.")] = 100,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Images in a batch on each device.")] = 32,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that decode, for each device.")
    ] = 2,
    device: Annotated[str, typer.Option("--device", help=MEANING["device"])] = "auto",
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or fp16; auto is fp32.")] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the first weights, the order and the patches.")] = 0,
) -> None:
    """Train a network by a paper's recipe; under torchrun on several devices. The same command goes on after a stop."""
    from bench.progress import Console
    from bench.training.recipes import recipe as find_recipe
    from bench.training.train import Training
    from bench.training.train import train as run_training

    chosen = find_recipe(recipe, without, rate)
    training = Training(
        model, chosen, data, epochs, out.expanduser(), batch, workers, device, precision, seed
    )
    with Console() as console:
        if last := run_training(training, console):
            print(last)
