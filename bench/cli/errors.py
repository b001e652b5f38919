"""Every error becomes one line on stderr and an exit code; with `--debug` its traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from bench.cli.output import print_error
from bench.errors import BenchError, Terminated, first_line, is_out_of_memory
from results.errors import RunError

CONTINUING = ("eval", "import", "demo", "ensemble", "reproduce", "train", "experiment", "detect")
"""Commands that go on where they were stopped; the others start anew."""

STORE_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "adlfs", "azure")
"""Packages whose errors are about an object store."""


def _parser_error() -> type[BaseException]:
    """What the parser raises for options it cannot read: click's `ClickException`.

    It is looked up among the bases of `typer.BadParameter`, because newer versions of Typer have their own
    copy of click.
    """
    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


@contextmanager
def errors_as_lines(debug: bool, *, command: str | None) -> Iterator[None]:
    """End the program with a line and an exit code for whatever is raised inside; with `debug` raise it.

    `command` is the name of the one that is called.
    """
    from crops import ProtocolError

    rest = "; the same command continues" if command in CONTINUING else ""
    try:
        yield
    except (typer.Exit, typer.Abort, _parser_error()):
        raise
    except (BenchError, RunError, ProtocolError) as error:
        _end(str(error), error.exit_code, error, debug)
    except Terminated as error:
        _end(f"terminated{rest}", 143, error, debug)
    except KeyboardInterrupt as error:
        _end(f"interrupted{rest}", 130, error, debug)
    except OSError as error:
        _end(f"{error.filename or 'input or output'}: {error.strerror or error}", 1, error, debug)
    except Exception as error:  # noqa: BLE001 - the last resort, so that users never see a traceback unasked
        _end(_unexpected(error), 1, error, debug)


def _unexpected(error: Exception) -> str:
    if is_out_of_memory(error):
        return f"out of memory ({first_line(error)}): free some, or pass a smaller --batch or fewer --workers"
    text = f"{type(error).__name__}: {error}"
    if type(error).__module__.partition(".")[0] in STORE_CLIENTS:
        return f"the object store cannot be reached ({text})"
    return f"{text} (a bug of inception-bench; --debug before the command shows where)"


def _end(message: str, code: int, error: BaseException, debug: bool) -> NoReturn:
    if debug:
        raise error
    print_error(message, error, code)
    raise typer.Exit(code) from None
