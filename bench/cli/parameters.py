"""Options and arguments that several commands share, described once."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from bench.cli import completion
from bench.cli.output import be_quiet, note
from bench.options import DEFAULTS, PLACES, Options
from results.storage import is_local, parse_path

MEANINGS: dict[str, str] = {item.name: item.metadata["help"] for item in fields(Options)}
FLAGS = {"fresh": "--fresh/--resume", "ema": "--ema/--no-ema", "compile": "--compile/--no-compile"}
"""Flags that are not named like their option."""
COMPLETED: dict[str, Callable[..., list[str]]] = {
    "model": completion.networks,
    "weights": completion.tags,
    "crops": completion.protocols,
}
"""What the shell completes for an option."""

DATA = ("data", "labels", "devkit", "blacklist", "limit", "shuffle_seed")
INPUT = ("input_size", "mean", "std")
MACHINE = ("device", "precision", "batch", "workers")
OF_SEVERAL_NETWORKS = (*DATA, *MACHINE, "out", "fresh", "verify", "skip_unreadable", "allow_implausible")
"""The options of commands that evaluate several networks."""


def parse_run(name: str) -> Path:
    """The path of a run by its folder, or by the beginning or the end of its name."""
    from results.run_list import find_run

    return find_run(name, DEFAULTS.out)


RUN = "Folder of a run, or the beginning of its name."
RUNS = "Folders of runs, or the beginnings of their names."

RunFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help=RUN, show_default=False, parser=parse_run, autocompletion=completion.runs
    ),
]
RunFolders = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN...", help=RUNS, show_default=False, parser=parse_run, autocompletion=completion.runs
    ),
]
PictureData = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="The images, for the pictures (default: where the run saw them, if on this machine).",
        show_default=False,
    ),
]
ClassSet = Annotated[
    str | None,
    typer.Option(
        "--classes",
        help="Score among these classes: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids "
        "(default: those of the run).",
        show_default=False,
    ),
]
TRUTH = "real (the ReaL labels of ImageNet's validation images), or a .json, .csv or .txt file"
Truths = Annotated[
    list[str],
    typer.Option(
        "--truth", help=f"Score by these labels, too: {TRUTH}. Repeat it for more.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
Wide = Annotated[bool, typer.Option("--wide", help="Show whole tables, however wide the terminal is.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Show no progress and no notes.", callback=be_quiet, expose_value=False
    ),
]
"""Of the commands that show progress or notes. The command itself does not need it."""


def leave_out_files(paths: Sequence[Path]) -> list[Path]:
    """The paths without files, which `runs/*` has among the runs, after a note; all where none is left."""
    from results.run import MANIFEST

    files = [path for path in paths if is_local(path) and path.is_file() and path.name != MANIFEST]
    folders = [path for path in paths if path not in files]
    if not files or not folders:
        return list(paths)
    more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
    note(f"left out, being a file and no run: {files[0]}{more}")
    return folders


def option(name: str) -> Any:
    """The option `name` of `Options` as the command line has it."""
    declaration = FLAGS.get(name, f"--{name.replace('_', '-')}")
    return typer.Option(
        declaration,
        help=MEANINGS[name],
        show_default=getattr(DEFAULTS, name) not in (None, False),
        parser=parse_path if name in PLACES else None,
        autocompletion=COMPLETED.get(name),
    )


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
