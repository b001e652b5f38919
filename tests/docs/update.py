"""Write what the commands print now into pages: python -m tests.docs.update docs/demo.md ...

Outputs that still match stay as they are. In one that does not, lines whose `...` still matches stay. Read
the difference before you commit it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.console import Console, terminal
from tests.docs.pages import RUN, Step, blocks, matches, steps


def update(text: str) -> str:
    """The page with what its commands print in the current folder."""
    lines = text.splitlines()
    console = Console()
    outputs: list[tuple[Step, list[str]]] = []
    for block in blocks(text):
        if block.title:
            console.write(block)
        for step in steps(block) if block.language == RUN else ():
            printed = console.outputs(step)
            if not any(matches(step.expected, output) for output in printed):
                outputs.append((step, _merge(step.expected, printed[0])))
    for step, output in reversed(outputs):
        command = lines[step.line - 1]
        indentation = command[: len(command) - len(command.lstrip())]
        first = step.below - 1
        lines[first : first + step.expected.count("\n")] = [
            f"{indentation}{line}".rstrip() for line in output
        ]
    return "\n".join(lines) + "\n"


def _merge(expected: str, printed: str) -> list[str]:
    """The lines that are printed, with those of the page that have `...` in place of the same."""
    varying = [line for line in expected.splitlines() if "..." in line and line != "..."]
    return [
        next((line for line in varying if matches(line, printed_line)), printed_line)
        for printed_line in printed.splitlines()
    ]


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        text = page.read_text("utf-8")
        with TemporaryDirectory() as folder, terminal(Path(folder)):
            updated = update(text)
        page.write_text(updated, "utf-8")
