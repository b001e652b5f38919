"""A factory of the user's: a function in a file, or in a Python module, that returns a network.

Its code runs, and that of what it imports. Nothing else here runs code that is not this project's.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.errors import BenchError, UsageError, first_line
from bench.zoo.networks import unknown_name_error

_imported_from: dict[str, Path] = {}
"""Name of a Python module -> the user's folder that it was imported from."""


def call_factory(name: str) -> Any:
    """What the factory returns that `name` names, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY.

    A file's own folder can be imported from until the factory returns; for a module the current folder can.
    What the code prints goes to stderr. Raises `UsageError` where there is no such factory, or it needs
    arguments, and `BenchError` where its code fails.
    """
    place, _, attribute = name.rpartition(":")
    is_file = place.endswith(".py")
    folder = Path(place).expanduser().parent if is_file else Path()
    with _importing_from(folder.resolve()), redirect_stdout(sys.stderr):
        module = _import_file(place) if is_file else _import_module(place)
        return _call(_factory(module, attribute, place), name)


def check_file(name: str) -> None:
    """Raise `UsageError` where the factory's file does not exist."""
    place = name.rpartition(":")[0]
    if place.endswith(".py") and not Path(place).expanduser().is_file():
        raise UsageError(f"no network at {place}: there is no such file")


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder. Those of another user's folder that have the same names as
    files here are forgotten: two files may each have a `layers` of their own beside them.
    """
    for name, other in list(_imported_from.items()):
        if other != folder and any(folder.joinpath(each).exists() for each in (name, f"{name}.py")):
            for known in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[known]
            del _imported_from[name]
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None)
            if "." not in name and file and Path(file).resolve().is_relative_to(folder):
                _imported_from[name] = folder


def _import_file(place: str) -> ModuleType:
    check_file(f"{place}:")
    path = Path(place).expanduser()
    spec = spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    known = sys.modules.setdefault(path.stem, module)  # a library's stays, whose name the file may have
    try:
        with _failing("be imported", place):
            spec.loader.exec_module(module)
    except BenchError:
        if known is module:
            del sys.modules[path.stem]
        raise
    return module


def _import_module(place: str) -> ModuleType:
    try:
        with _failing("be imported", place):
            return import_module(place)
    except BenchError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{place}.".startswith(f"{cause.name}."):
            raise UsageError(
                f"no module {cause.name!r} is installed or in this folder: "
                "write PACKAGE.MODULE:FACTORY or FILE.py:FACTORY"
            ) from None
        raise


def _factory(module: ModuleType, attribute: str, place: str) -> Callable[[], Any]:
    """The factory called `attribute`, which needs no arguments. Raises `UsageError`."""
    if not hasattr(module, attribute):
        own = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise unknown_name_error("factory", f"{place}:{attribute}", [f"{place}:{name}" for name in own])
    factory = getattr(module, attribute)
    if not callable(factory):
        raise UsageError(
            f"{place}:{attribute} is {type(factory).__name__}: name a function that returns a network"
        )
    if needed := _needed_arguments(factory):
        raise UsageError(
            f"{place}:{attribute} needs {', '.join(needed)}: name a function that takes no arguments"
        )
    return factory  # type: ignore[no-any-return]


def _needed_arguments(factory: Callable[..., Any]) -> list[str]:
    """The arguments without defaults; none where Python does not know."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]


def _call(factory: Callable[[], Any], name: str) -> Any:
    with _failing("make a network", name):
        return factory()


@contextmanager
def _failing(what: str, subject: str) -> Iterator[None]:
    """Raise `BenchError` for whatever the user's code raises, `SystemExit` among it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise BenchError(f"{subject} cannot {what} ({type(error).__name__}: {_line_of(error)})") from error


def _line_of(error: BaseException) -> str:
    """The first line of an error's text, without the address of objects."""
    return re.sub(r" at 0x[0-9a-f]+", "", first_line(error))
