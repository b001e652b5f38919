"""The command line: options and calls. What a command does lies elsewhere; torch is imported when it is needed."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from bench.errors import BenchError, UsageError
from bench.options import Options

app = typer.Typer(
    name="inception-bench",
    help="Evaluate image classifiers on ImageNet by the protocols of the Inception papers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

DEFAULT = Options()
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]


@cache
def _meaning(name: str) -> str:
    return str(next(item.metadata["help"] for item in fields(Options) if item.name == name))


def _flag(name: str, *declarations: str) -> Any:
    return typer.Option(
        *declarations or (f"--{name.replace('_', '-')}",), help=_meaning(name), show_default=getattr(DEFAULT, name) not in (None, False)
    )


@contextmanager
def _errors(debug: bool) -> Iterator[None]:
    """Turn the package's errors into one line on stderr and their exit code."""
    from crops.protocols import ProtocolError
    from results.run import RunError

    try:
        yield
    except (BenchError, RunError, ProtocolError) as error:
        _end(str(error), getattr(error, "exit_code", 2), error, debug)
    except KeyboardInterrupt as error:
        _end("interrupted; the same command continues", 130, error, debug)
    except BrokenPipeError:  # the reader of stdout has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _end(f"{error.filename or 'input or output'}: {error.strerror or error}", 1, error, debug)
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, so that users never meet a traceback unasked
        _end(f"{type(error).__name__}: {error} (a bug of inception-bench; --debug before the command shows where)", 1, error, debug)


def _end(message: str, code: int, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    print("inception-bench:", " ".join(message.split()), file=sys.stderr)
    raise typer.Exit(code) from None


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if show_version:
        print(version("inception-bench"))
        raise typer.Exit
    context.with_resource(_errors(debug))


@app.command("eval", epilog="Example: inception-bench eval --model v3 --crops 144 --data imagenet/val")
def eval_(
    model: Annotated[str, _flag("model")] = DEFAULT.model,
    weights: Annotated[str | None, _flag("weights")] = DEFAULT.weights,
    crops: Annotated[str, _flag("crops")] = DEFAULT.crops,
    data: Annotated[str | None, _flag("data")] = DEFAULT.data,
    scales: Annotated[str | None, _flag("scales")] = DEFAULT.scales,
    interpolation: Annotated[str, _flag("interpolation")] = DEFAULT.interpolation,
    pool: Annotated[str, _flag("pool")] = DEFAULT.pool,
    dialect: Annotated[str, _flag("dialect")] = DEFAULT.dialect,
    label_order: Annotated[str, _flag("label_order")] = DEFAULT.label_order,
    labels: Annotated[Path | None, _flag("labels")] = DEFAULT.labels,
    devkit: Annotated[Path | None, _flag("devkit")] = DEFAULT.devkit,
    blacklist: Annotated[Path | None, _flag("blacklist")] = DEFAULT.blacklist,
    limit: Annotated[int | None, _flag("limit")] = DEFAULT.limit,
    shuffle_seed: Annotated[int | None, _flag("shuffle_seed")] = DEFAULT.shuffle_seed,
    device: Annotated[str, _flag("device")] = DEFAULT.device,
    precision: Annotated[str, _flag("precision")] = DEFAULT.precision,
    batch: Annotated[int | None, _flag("batch")] = DEFAULT.batch,
    workers: Annotated[int | None, _flag("workers")] = DEFAULT.workers,
    compile: Annotated[bool, _flag("compile")] = DEFAULT.compile,
    renderer: Annotated[str, _flag("renderer")] = DEFAULT.renderer,
    out: Annotated[Path, _flag("out")] = DEFAULT.out,
    fresh: Annotated[bool, _flag("fresh", "--fresh/--resume")] = DEFAULT.fresh,
    skip_unreadable: Annotated[bool, _flag("skip_unreadable")] = DEFAULT.skip_unreadable,
    allow_implausible: Annotated[bool, _flag("allow_implausible")] = DEFAULT.allow_implausible,
    as_json: Json = False,
) -> None:
    """Evaluate one network: top-1 and top-5 error for each protocol and image set, and a run on disk."""
    given = dict(locals())
    given.pop("as_json")
    from bench.evaluation import run_evaluation
    from bench.progress import Console
    from results.report import terminal
    from results.report.json import summary
    from results.tables import accuracy

    options = Options(**given)
    if weights and Path(weights).is_dir():
        from bench.curve import over_training

        with Console() as console:
            runs, table = over_training(options, console)
        if as_json:
            print(json.dumps({"runs": [str(run.path) for run in runs]} | summary(table)))
        else:
            terminal.show_epochs(table)
        return
    with Console() as console:
        run = run_evaluation(options, console)
    table = accuracy([run])
    if as_json:
        print(json.dumps({"run": str(run.path)} | summary(table)))
    else:
        terminal.show(table)
        print(f"run: {run.path}")


@app.command(epilog="Example: inception-bench report runs/v3-val-144-1a2b3c4d -o table.md")
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", help="A file that ends in .csv, .md or .json, or - for stdout.")] = "-",
    format: Annotated[str | None, typer.Option("--format", help="csv, md or json, where the ending does not say.")] = None,
) -> None:
    """Write the table of one run or several, beside the published figures."""
    from results.report import FORMATS
    from results.run import Run
    from results.tables import accuracy

    kind = format or (Path(output).suffix[1:] if output != "-" else "md")
    if kind not in FORMATS:
        raise UsageError(f"no format {kind!r} for {output}: write {', '.join(FORMATS)}")
    _write(output, FORMATS[kind](accuracy([Run.open(path) for path in runs])))


@app.command(epilog="Example: inception-bench predictions runs/v3-val-144-1a2b3c4d --protocol 144 -o predictions.csv")
def predictions(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    protocol: Annotated[str | None, typer.Option("--protocol", help="One of the run's; by default its last.", show_default=False)] = None,
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
    _write(output, write(table(opened, name)))


@app.command(epilog="Example: inception-bench crops cat.jpg --crops 144 -o sheet.png")
def crops(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    crops: Annotated[str, typer.Option("--crops", help=_meaning("crops"))] = "144",
    model: Annotated[str, typer.Option("--model", help="Draw for the input size of this network of the table.")] = "v1",
    scales: Annotated[str | None, typer.Option("--scales", help=_meaning("scales"), show_default=False)] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("sheet.png"),
) -> None:
    """Draw what a protocol looks at: the boxes on the image, and the crops as the network sees them."""
    from bench.contact_sheet import draw

    print(draw(image, crops, model, scales, output))


@app.command(epilog="Example: inception-bench train --model v2 --recipe rethinking --data imagenet/train --out v2-rethinking")
def train(
    data: Annotated[str, typer.Option("--data", help="Training images in folders by WordNet id.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The folder of checkpoints and log; a training there goes on.", show_default=False)],
    model: Annotated[str, typer.Option("--model", help="A name that `inception-bench models` lists, or PROVIDER/NAME.")] = "v2",
    recipe: Annotated[str, typer.Option("--recipe", help="googlenet, rethinking or inception-v4.")] = "rethinking",
    without: Annotated[
        str, typer.Option("--without", help="Parts to leave out: rmsprop, clipping, smoothing, auxiliary, distortion, averaging.")
    ] = "",
    rate: Annotated[float | None, typer.Option("--rate", help="Another first learning rate than the paper's.", show_default=False)] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Epochs in all.")] = 100,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Images in a batch on each device.")] = 32,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that decode, for each device.")] = 2,
    device: Annotated[str, typer.Option("--device", help=_meaning("device"))] = "auto",
    precision: Annotated[str, typer.Option("--precision", help=_meaning("precision"))] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the first weights, the order and the patches.")] = 0,
) -> None:
    """Train a network by a paper's recipe; under torchrun on several devices. The same command goes on after a stop."""
    from bench.progress import Console
    from bench.recipes import recipe as find_recipe
    from bench.train import Training
    from bench.train import train as run_training

    chosen = find_recipe(recipe, without, rate)
    training = Training(model, chosen, data, epochs, out.expanduser(), batch, workers, device, precision, seed)
    with Console() as console:
        if last := run_training(training, console):
            print(last)


@app.command(epilog="Example: inception-bench models --json")
def models(as_json: Json = False) -> None:
    """List the networks: parameters, multiply-adds, input size, weights, published figures."""
    from bench import listings

    listings.models(as_json)


@app.command(epilog="Example: inception-bench protocols --model v3")
def protocols(
    model: Annotated[str, typer.Option("--model", help="For the input size of this network of the table.")] = "v1",
    as_json: Json = False,
) -> None:
    """List the protocols: views, scales, and what they cost."""
    from bench import listings

    listings.protocols(model, as_json)


def _write(output: str, text: str) -> None:
    """Write text to a file, or to stdout for `-`. Names that are no UTF-8 come out as the bytes they are."""
    data = text.encode("utf-8", "surrogateescape")
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    from results.run import write_atomically

    write_atomically(Path(output), data)
    print(f"wrote {output}", file=sys.stderr)
