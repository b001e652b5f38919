"""The public names: every public class and function, with the first sentences of its docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("crops", "results", "bench")


def page() -> str:
    """A section for each module, in Markdown, read off the code without importing it."""
    lines: list[str] = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            lines += _section(path)
    return "\n".join(lines)


def _section(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    names = list(_names(tree))
    if not names and not ast.get_docstring(tree):
        return []
    title = path.relative_to(ROOT).as_posix()
    rows = [f"- `{name}`: {summary}" if summary else f"- `{name}`" for name, summary in names]
    return [f"## {title}", "", _first_line(ast.get_docstring(tree)), "", *rows, *([""] if rows else [])]


def _names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, first line of its docstring) of what is public in a module, methods among it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, _first_line(ast.get_docstring(node))
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                        yield f"{node.name}.{method.name}", _first_line(ast.get_docstring(method))


def _first_line(docstring: str | None) -> str:
    """The first sentence, which may run over several lines."""
    paragraph = (docstring or "").partition("\n\n")[0]
    return " ".join(paragraph.split())
