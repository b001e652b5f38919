"""The app, and the options that stand before the command."""

import logging
import signal
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from bench.cli.errors import errors_as_lines
from bench.cli.help import Group
from bench.cli.output import silence_other_ranks
from bench.cli.streams import repair_streams
from bench.errors import Terminated

app = typer.Typer(
    name="inception-bench",
    cls=Group,
    help="Evaluate image classifiers on ImageNet by the protocols of the Inception papers.",
    epilog="Begin with: inception-bench demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """What every command begins with."""
    repair_streams()
    context.with_resource(errors_as_lines(debug, command=context.invoked_subcommand))
    if show_version:
        print(version("inception-bench"))
        raise typer.Exit
    logging.getLogger("inception-bench").setLevel(logging.DEBUG if debug else logging.WARNING)
    signal.signal(signal.SIGTERM, _terminate)
    silence_other_ranks()


def _terminate(number: int, frame: object) -> NoReturn:
    raise Terminated
