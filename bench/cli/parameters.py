"""Options and arguments that several commands share, described once."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from bench.options import DEFAULTS, PLACES, Options
from results.storage import parse_path

MEANINGS: dict[str, str] = {item.name: item.metadata["help"] for item in fields(Options)}
FLAGS = {"fresh": "--fresh/--resume", "ema": "--ema/--no-ema"}
"""Flags that are not named like their option."""

DATA = ("data", "labels", "devkit", "blacklist", "limit", "shuffle_seed")
MACHINE = ("device", "precision", "batch", "workers")
OF_SEVERAL_NETWORKS = (*DATA, *MACHINE, "out", "fresh", "verify", "skip_unreadable", "allow_implausible")
"""The options of commands that evaluate several networks."""

RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False, parser=parse_path)
]
RunFolders = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False, parser=parse_path),
]
PictureData = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="The images, for the pictures (default: where the run saw them, if on this machine).",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]


def option(name: str) -> Any:
    """The option `name` of `Options` as the command line has it."""
    declaration = FLAGS.get(name, f"--{name.replace('_', '-')}")
    shown = getattr(DEFAULTS, name) not in (None, False)
    if name in PLACES:
        return typer.Option(
            declaration, help=MEANINGS[name], show_default=shown, parser=parse_path, metavar="PATH"
        )
    return typer.Option(declaration, help=MEANINGS[name], show_default=shown)


def takes_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options of an evaluation, by default all, put together as its first argument."""
    types = get_type_hints(Options)
    chosen = names or tuple(item.name for item in fields(Options))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        _, *own = signature(command, eval_str=True).parameters.values()
        own = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own]
        shared = [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=getattr(DEFAULTS, name),
                annotation=Annotated[types[name], option(name)],
            )
            for name in chosen
        ]

        @wraps(command)
        def run(**arguments: Any) -> None:
            options = Options(**{name: arguments.pop(name) for name in chosen})
            command(options, **arguments)

        run.__signature__ = Signature([*shared, *own])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*shared, *own)}
        return run

    return decorate
