"""What a suite's file says: which networks are evaluated on which data sets, and how.

    networks = ["v3", "timm/resnet50.a1_in1k", "v4=mine.safetensors"]   # as --models takes them
    ensembles = [["v3", "v4=mine.safetensors"]]                         # of these networks
    crops = "1,10"                                                      # any option of eval

    [data.validation]
    data = "imagenet/val"
    blacklist = "blacklist.txt"

    [data.v2]
    data = "imagenetv2-matched-frequency-format-val"
    crops = "1"                    # an option here holds for this data set alone

    [check]                        # as the options of check
    against = "baseline.csv"       # or "published"
    tolerance = 0.2

Places are relative to the folder that the command is started in.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_type_hints

from bench.errors import UsageError
from bench.evaluation.evaluate import options_for_each
from bench.options import Options
from bench.suites import examples
from bench.zoo.networks import unknown_name_error
from results.baseline import Tolerance
from results.gate import parse_against
from results.storage import parse_path, read

OPTIONS = tuple(item.name for item in fields(Options) if item.name not in ("model", "weights", "out"))
"""The options of `eval` that a suite can set. Its networks name models and weights."""

Settings = Mapping[str, Any]
"""A table of the file."""


@dataclass(frozen=True)
class Check:
    """What the suite's table is held to."""

    against: Path
    """Of `parse_against`."""
    tolerance: Tolerance


@dataclass(frozen=True)
class Suite:
    """What to evaluate, and what to hold it to."""

    name: str
    evaluations: Mapping[str, Sequence[Options]]
    """By the name of the data set, the options of each network."""
    ensembles: Sequence[Sequence[int]]
    """The members of each ensemble, as numbers of the networks."""
    check: Check | None


def read_suite(name: str, places: Mapping[str, str], **changes: Any) -> Suite:
    """The suite in a file, or one of `examples()`.

    `places` are the places of data sets by name, in place of those in the file; `changes` are options that
    hold for all. Raises `UsageError` for a file that says anything else, and `RunUsageError`.
    """
    content, title = _parse(name)
    known = ("networks", "ensembles", "data", "check", *OPTIONS)
    _refuse_unknown(content, known, name)
    networks, data = content.pop("networks", None), content.pop("data", None)
    ensembles, check = content.pop("ensembles", []), content.pop("check", None)
    if not isinstance(networks, list) or not networks or not all(isinstance(each, str) for each in networks):
        raise UsageError(f"{name}: write a list of names, networks = [...]")
    if not isinstance(data, dict) or not data or not all(isinstance(each, dict) for each in data.values()):
        raise UsageError(f"{name}: write a table [data.NAME] for each data set, with data = PLACE")
    if twice := sorted({each for each in networks if networks.count(each) > 1}):
        raise UsageError(f"{name}: {twice[0]} is in networks twice: keep one")
    for each in sorted(places.keys() - data.keys()):
        raise unknown_name_error(f"[data.NAME] in {name} for", each, tuple(data))
    evaluations = {}
    for each, settings in data.items():
        _refuse_unknown(settings, OPTIONS, f"{name}, [data.{each}]")
        settings = content | settings | ({"data": places[each]} if each in places else {})
        if "data" not in settings:
            raise UsageError(f"{name}, [data.{each}]: write data = PLACE")
        options = replace(_options(settings, f"{name}, [data.{each}]"), **changes)
        evaluations[each] = options_for_each(",".join(networks), options)
    members = _ensembles(ensembles, networks, name)
    return Suite(title, evaluations, members, None if check is None else _check(check, name))


def _parse(name: str) -> tuple[dict[str, Any], str]:
    """The content of a suite's file, and the suite's name."""
    path = parse_path(name)
    try:
        if name in examples():
            text = (resources.files("bench.suites") / f"{name}.toml").read_text("utf-8")
        else:
            text = read(path).decode("utf-8-sig")
        return tomllib.loads(text), path.stem
    except FileNotFoundError:
        raise UsageError(
            f"no suite at {name}: there is no such file; {', '.join(examples())} come with the program"
        ) from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{name} is not a file in TOML ({error}): `suite --help` shows how it looks"
        ) from None


def _ensembles(ensembles: Any, networks: Sequence[str], name: str) -> list[list[int]]:
    """The members of each ensemble, as numbers of the networks."""
    lists = isinstance(ensembles, list) and all(isinstance(each, list) for each in ensembles)
    if not lists or any(len(set(map(str, each))) < max(len(each), 2) for each in ensembles):
        raise UsageError(f"{name}: write lists of two networks or more, ensembles = [[...], ...]")
    for member in (member for each in ensembles for member in each):
        if member not in networks:
            raise unknown_name_error(f"network of the suite in ensembles of {name} called", member, networks)
    return [[networks.index(member) for member in each] for each in ensembles]


def _refuse_unknown(settings: Settings, known: Sequence[str], where: str) -> None:
    for name in settings:
        if name not in known:
            raise unknown_name_error(f"setting in {where} called", name, known)


def _options(settings: Settings, where: str) -> Options:
    types = get_type_hints(Options)
    for name, value in settings.items():
        kinds = get_args(types[name]) or (types[name],)
        text = isinstance(value, str) or (name == "crops" and type(value) is int)
        if not (text if str in kinds or Path in kinds else type(value) in kinds):
            wanted = next(kind for kind in kinds if kind is not type(None))
            raise UsageError(f"{where}: {name} = {value!r}, write {_in_words(wanted)}")
    return Options(**settings)


def _in_words(kind: type) -> str:
    return {int: "a whole number", bool: "true or false", float: "a number"}.get(kind, "text in quotes")


def _check(settings: Any, name: str) -> Check:
    """Raises `UsageError`, and `RunUsageError` for a tolerance that means nothing."""
    where = f"{name}, [check]"
    if not isinstance(settings, dict) or not isinstance(settings.get("against"), str):
        raise UsageError(f"{where}: write against = BASELINE.csv, or published")
    _refuse_unknown(settings, ("against", "tolerance", "alpha", "both_ways"), where)
    allowed: Settings = {"tolerance": 0.1, "alpha": 0.01, "both_ways": False} | settings
    for setting in ("tolerance", "alpha"):
        if type(allowed[setting]) not in (int, float):
            raise UsageError(f"{where}: {setting} = {allowed[setting]!r}, write a number")
    if type(allowed["both_ways"]) is not bool:
        raise UsageError(f"{where}: both_ways = {allowed['both_ways']!r}, write true or false")
    tolerance = Tolerance(allowed["tolerance"], allowed["alpha"], allowed["both_ways"])
    return Check(parse_against(settings["against"], parse_path), tolerance)
