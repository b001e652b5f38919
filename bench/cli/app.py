"""The command line's frame: the app, its errors as one line, and the options that commands share."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import wraps
from importlib.metadata import version
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_type_hints

import typer

from bench.distributed import is_first
from bench.errors import BenchError, Terminated
from bench.options import PLACES, Options
from results.errors import RunError
from results.storage import place, write

app = typer.Typer(
    name="inception-bench",
    help="Evaluate image classifiers on ImageNet by the protocols of the Inception papers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

DEFAULT = Options()
MEANING: dict[str, str] = {item.name: item.metadata["help"] for item in fields(Options)}
FLAGS = {"fresh": "--fresh/--resume"}
"""Flags that are not their option's name."""

USAGE_ERRORS: tuple[type[BaseException], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""What the parser raises: click's, or the copy of it that Typer has."""

STORE_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "adlfs", "azure")
"""Packages whose errors are about an object store."""

Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False, parser=place)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]


def flag(name: str) -> Any:
    """The option `name` of `Options` as the command line has it."""
    declaration = FLAGS.get(name, f"--{name.replace('_', '-')}")
    shown = getattr(DEFAULT, name) not in (None, False)
    if name in PLACES:
        return typer.Option(declaration, help=MEANING[name], show_default=shown, parser=place, metavar="PATH")
    return typer.Option(declaration, help=MEANING[name], show_default=shown)


def takes_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options of an evaluation, by default all, put together as its first argument."""
    types = get_type_hints(Options)
    chosen = names or tuple(item.name for item in fields(Options))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter.replace(kind=Parameter.KEYWORD_ONLY)
            for parameter in signature(command, eval_str=True).parameters.values()
        ][1:]
        shared = [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=getattr(DEFAULT, name),
                annotation=Annotated[types[name], flag(name)],
            )
            for name in chosen
        ]

        @wraps(command)
        def run(**given: Any) -> None:
            command(Options(**{name: given.pop(name) for name in chosen}), **given)

        run.__signature__ = Signature([*shared, *own])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*shared, *own)}
        return run

    return decorate


@contextmanager
def _errors(debug: bool) -> Iterator[None]:
    """Turn the package's errors into one line on stderr and their exit code."""
    from crops.protocols import ProtocolError

    try:
        yield
    except (BenchError, RunError, ProtocolError) as error:
        _end(str(error), getattr(error, "exit_code", 2), error, debug)
    except Terminated as error:
        _end("terminated; the same command continues", 143, error, debug)
    except KeyboardInterrupt as error:
        _end("interrupted; the same command continues", 130, error, debug)
    except BrokenPipeError:  # the reader of stdout has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _end(f"{error.filename or 'input or output'}: {error.strerror or error}", 1, error, debug)
    except (typer.Exit, typer.Abort):
        raise
    except USAGE_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, so that users never meet a traceback unasked
        if type(error).__module__.partition(".")[0] in STORE_CLIENTS:
            _end(f"the object store cannot be reached ({type(error).__name__}: {error})", 1, error, debug)
        _end(
            f"{type(error).__name__}: {error} (a bug of inception-bench; --debug before the command shows where)",
            1,
            error,
            debug,
        )


def _terminate(number: int, frame: object) -> NoReturn:
    raise Terminated


def _end(message: str, code: int, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    if is_first() or code not in (2, 130, 143):  # what all ranks meet one tells
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
    signal.signal(signal.SIGTERM, _terminate)
    if not is_first():  # what all ranks would print, one prints
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end


def only_first() -> None:
    """End this process here, if it is one of torchrun's ranks whose part is done: the first one tells what came out."""
    if not is_first():
        raise typer.Exit


def write_text(output: str, text: str) -> None:
    """Write text to a file, or to stdout for `-`. Names that are no UTF-8 come out as the bytes they are."""
    data = text.encode("utf-8", "surrogateescape")
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write(place(output), data)
    print(f"wrote {output}", file=sys.stderr)
