"""The rooms: `results` does not know `bench` or `crops`, and its modules do not import in a circle."""

import ast
from pathlib import Path

import results

FOLDER = Path(results.__file__).parent


def imports(*, at_once=False):
    """{module: the modules it imports, anywhere in it, or `at_once` when it is imported}, of `results`."""
    found = {}
    for path in FOLDER.rglob("*.py"):
        parts = path.relative_to(FOLDER.parent).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        names = set()
        tree = ast.parse(path.read_text())
        for node in tree.body if at_once else ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[module] = names
    return found


def test_no_module_imports_another_room():
    for module, names in imports().items():
        assert not {name.partition(".")[0] for name in names} & {"bench", "crops"}, module


def test_no_modules_import_in_a_circle():
    found = imports(at_once=True)
    graph = {module: {name for name in names if name != module} for module, names in found.items()}
    graph = {module: names & graph.keys() for module, names in graph.items()}
    while graph:
        free = {module for module, names in graph.items() if not names}
        assert free, f"these import each other: {sorted(graph)}"
        graph = {module: names - free for module, names in graph.items() if module not in free}


def test_no_module_prints():
    for path in FOLDER.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"], path
