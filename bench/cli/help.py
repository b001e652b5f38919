"""How `--help` is laid out: which option is in which panel, and in which order."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from bench.options import DATA, NETWORK, OUTPUT, PANELS, Options

TABLE = {item.name: item.metadata for item in fields(Options)}

PANEL_OF: dict[str, str] = {
    "models": NETWORK,
    **{name: entry["panel"] for name, entry in TABLE.items()},
    **dict.fromkeys(("names", "truth", "images", "val"), DATA),
    **dict.fromkeys(("output", "format", "junit_file", "picture", "each"), OUTPUT),
    **dict.fromkeys(("wide", "as_json", "quiet", "help"), OUTPUT),
}
"""The panel of each option, by its parameter's name and in the order of the panel.

Any other option is of one command alone. Those are in the panel `Options`, which is the first.
"""


class Command(TyperCommand):
    """A command whose options are in the same panels, in the same order, as those of all others."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments, and its options in their order."""
        params = super().get_params(ctx)
        options = [param for param in params if isinstance(param, TyperOption)]
        for param in options:
            param.rich_help_panel = PANEL_OF.get(str(param.name))
        _name_values(options)
        order = list(PANEL_OF)
        places = {name: (PANELS.index(panel), order.index(name)) for name, panel in PANEL_OF.items()}
        options.sort(key=lambda param: places.get(str(param.name), (-1, 0)))
        return [*(param for param in params if param not in options), *options]


class Group(TyperGroup):
    """The program, before a command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options."""
        params = super().get_params(ctx)
        _name_values(params)
        return params


def _name_values(options: Sequence[Any]) -> None:
    """Name an option's value as the table does, in place of its type. A flag has none."""
    for param in options:
        if param.is_flag:
            param.metavar = ""
        elif param.metavar is None and param.name in TABLE:
            param.metavar = TABLE[param.name]["metavar"]
