"""The parts of the site that the program writes: each stands where a page has a line `MARK`.

A hook of MkDocs. Nothing here imports torch.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from public_names import page as public_names
from typer.main import get_command

from bench.cli import app
from bench.zoo import NETWORKS

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^\*`make docs` writes here: (.+)\*$", re.MULTILINE)

JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
    "Any": "any value",
    "Positive": "integer from 1",
    "Count": "integer from 0",
    "Precision": "string",
}
"""What JSON has for the types of a manifest's fields."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with its generated parts; MkDocs calls this for each page."""
    return MARK.sub(lambda mark: PARTS[mark[1]](), markdown)


def commands() -> str:
    """Every command with its arguments and options, under the headings of `--help`."""
    group: Any = get_command(app)
    panels: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        panels.setdefault(_panel(command, "Commands"), []).append(_command(name, command))
    before = _table(("option", "default", "what it does"), map(_option, _parameters(group)))
    sections = [f"## Before the command\n\n{before}"]
    sections += [f"## {panel}\n\n" + "\n\n".join(parts) for panel, parts in panels.items()]
    return "\n\n".join(sections)


def _command(name: str, command: Any) -> str:
    tables: dict[str, list[Any]] = {}
    for parameter in _parameters(command):
        kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
        tables.setdefault(_panel(parameter, kind), []).append(parameter)
    parts = [f"### {name}", _escape(command.help), f"```sh\n{command.epilog.removeprefix('Example: ')}\n```"]
    for panel, parameters in tables.items():
        heading = "argument" if panel == "Arguments" else panel.lower()
        parts.append(_table((heading, "default", "what it does"), map(_option, parameters)))
    return "\n\n".join(parts)


def _parameters(command: Any) -> list[Any]:
    """The arguments and options in the order of `--help`, but for `--help` itself."""
    parameters = command.get_params(command.context_class(command))
    return [item for item in parameters if not item.hidden and item.name != "help"]


def _panel(item: Any, otherwise: str) -> str:
    """The heading that `--help` has the item under."""
    return item.rich_help_panel if isinstance(item.rich_help_panel, str) else otherwise


def _option(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        value = f" {parameter.metavar}" if parameter.metavar else ""
        names = " / ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = (
        "" if parameter.default in (None, False, [], ()) or not parameter.show_default else parameter.default
    )
    return names, "required" if parameter.required else _escape(str(default)), _escape(parameter.help or "")


def networks() -> str:
    """The networks that stand for themselves: what each is, and how it differs from its paper."""
    rows = (
        (
            f"`{network.name}`",
            network.title,
            network.differences,
            "this project" if network.provider == "papers" else network.provider,
        )
        for network in NETWORKS.values()
        if not network.variant_of
    )
    return _table(("name", "network", "how it differs from its paper", "from"), rows)


def sizes() -> str:
    """Size, cost and public weights of the same networks."""
    rows = (
        (
            f"`{network.name}`",
            network.input_size,
            f"{network.parameters:,}",
            f"{network.multiply_adds:,}",
            ", ".join(f"`{tag}`" for tag in network.tags) or "your own",
        )
        for network in NETWORKS.values()
        if not network.variant_of
    )
    return _table(("name", "input", "parameters", "multiply-adds", "weights"), rows)


def variants() -> str:
    """The networks that only experiments compare."""
    rows = (
        (f"`{network.name}`", f"`{network.variant_of}`", network.title)
        for network in NETWORKS.values()
        if network.variant_of
    )
    return _table(("name", "variant of", "what varies"), rows)


def manifest() -> str:
    """The fields of a manifest, from its dataclasses and their docstrings."""
    classes = _classes("manifest", "class_sets")
    first = classes.pop("Manifest")
    return "\n\n".join(_record(node, classes) for node in (first, *classes.values()))


def detections_manifest() -> str:
    """The fields of the manifest of a run of detections that the other one lacks."""
    classes = _classes("detection/manifest")
    first = classes.pop("DetectionsManifest")
    records = {*classes, *_classes("manifest")}
    return "\n\n".join(_record(node, records) for node in (first, *classes.values()))


def _classes(*modules: str) -> dict[str, ast.ClassDef]:
    """The public classes in modules of `results`, by name."""
    return {
        node.name: node
        for name in modules
        for node in ast.parse((ROOT / "results" / f"{name}.py").read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }


def _record(node: ast.ClassDef, records: Iterable[str]) -> str:
    rows = []
    for item, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(item, ast.AnnAssign):
            is_docstring = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            meaning = " ".join(following.value.value.split()) if is_docstring else ""
            meaning = re.sub(r"\bNone\b", "null", _escape(meaning))
            rows.append((f"`{ast.unparse(item.target)}`", _type(item.annotation, records), meaning))
    return f"### {node.name}\n\n{ast.get_docstring(node)}\n\n{_table(('field', 'type', 'meaning'), rows)}"


def _type(annotation: ast.expr, records: Iterable[str]) -> str:
    """The type in JSON's words; a record is a link to its fields."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            return f"{_type(left, records)} or {_type(right, records)}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
            return f"object of ({_type(value, records)})"
        case ast.Subscript(slice=ast.Tuple(elts=[value, _])):
            return f"array of ({_type(value, records)})"
        case ast.Constant(value=str(name)) if name in records:
            return f"[{name}](#{name.lower()})"
    name = ast.unparse(annotation)
    return f"[{name}](#{name.lower()})" if name in records else JSON_TYPES[name]


def _table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    headings = tuple(headings)
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _escape(text: str) -> str:
    """The text so that a page shows its signs as they are, but for backquotes."""
    return text.replace("*", "\\*").replace("|", "\\|").replace("<", "&lt;")


def changelog() -> str:
    """The releases, as CHANGELOG.md has them."""
    return (ROOT / "CHANGELOG.md").read_text("utf-8").partition("\n\n")[2]


PARTS = {
    "changelog": changelog,
    "commands": commands,
    "detections manifest": detections_manifest,
    "manifest": manifest,
    "networks": networks,
    "public-names": public_names,
    "sizes": sizes,
    "variants": variants,
}
"""What may stand in a page, by name."""
