"""What a caller in Python passes: the names of options, and the types of their values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from reprlib import repr as shortened
from types import GenericAlias, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from bench.options import Options

P = ParamSpec("P")
R = TypeVar("R")

KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "Path": "a path",
    "Sequence": "a list",
    "Mapping": "a dictionary",
    "Module": "a torch.nn.Module",
    "NoneType": "None",
}
"""What messages call the types of a signature."""


def checks_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises `TypeError` for an option that it does not have and for a value of a type
    that its signature does not name. Numbers and arrays of numpy become Python's.
    """
    own, hints = signature(function), get_type_hints(function)
    options = [name for name, each in own.parameters.items() if each.kind is not Parameter.VAR_POSITIONAL]

    @wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        for name in named:
            if name not in options:
                raise TypeError(_no_option(function.__name__, name, options))
        try:
            bound = own.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{function.__name__}(): {error}") from None
        for name, value in bound.arguments.items():
            hint = hints[name] if name in options else GenericAlias(Sequence, hints[name])
            bound.arguments[name] = checked(name, value, hint)
        return function(*bound.args, **bound.kwargs)

    return call


def checked(name: str, value: Any, hint: Any) -> Any:
    """The value, if it is of the type that `hint` names. Raises `TypeError` with what is accepted.

    >>> checked("limit", np.int64(10), int | None)
    10
    >>> checked("limit", "10", int | None)
    Traceback (most recent call last):
    TypeError: limit must be a whole number or None, not '10'
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [get_origin(part) or part for part in parts]
    for part, kind in zip(parts, kinds, strict=True):
        if _is_of(value, kind):
            if kind is Sequence:
                (of_each,) = get_args(part)
                return [checked(f"each of {name}", each, of_each) for each in value]
            return value
    *others, last = [KINDS.get(kind.__name__, f"a {kind.__name__}") for kind in kinds]
    accepted = f"{', '.join(others)} or {last}" if others else last
    raise TypeError(f"{name} must be {accepted}, not {shortened(value)}")


def options_from(arguments: Mapping[str, Any], names: Sequence[str] = ()) -> Options:
    """The options among the arguments of a call, by default all that have the name of one."""
    chosen = names or [item.name for item in fields(Options) if item.name in arguments]
    return Options(**{name: arguments[name] for name in chosen})


def _is_of(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):  # which Python takes for a whole number
        return kind is bool
    if kind is Path:
        return isinstance(value, Path) or hasattr(value, "joinpath")  # the `UPath` of an object store
    if kind is float:
        return isinstance(value, int | float)
    if kind is Sequence:
        return isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return isinstance(value, kind)


def _no_option(function: str, name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"help(bench.{function}) lists them"
    return f"{function}() has no option {name!r}: {hint}"
