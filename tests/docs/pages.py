"""The pages of the documentation, and what a page may have.

- A block ```console is run, in a folder that is empty when the page begins. Lines that begin with `$ ` are
  commands. Below each is what a terminal of 80 columns shows: its output, or its output with its notes and
  errors. `...` stands for text that varies, and on a line of its own for any number of lines. If a command
  fails, the page has its line of an error, or `$ echo $?` next.
- A block with a title, such as ```python title="nets.py", is written to that file for the commands below.
- A block ```sh is not run. Its programs, commands and options must exist. So must those in a line of text,
  and in blocks of YAML, TOML and other languages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RUN, CHECKED = "console", "sh"
"""Languages of the blocks whose commands are run, and of those whose commands must exist."""


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    line: int
    """Of the first line inside, in the page."""
    language: str
    title: str
    """The name of the file that it is written to, or nothing."""
    text: str


@dataclass(frozen=True)
class Step:
    """A command of a page, and what the page has below it."""

    line: int
    below: int
    """The line where its output begins."""
    command: str
    expected: str


class PageError(AssertionError):
    """A page is not as the program is."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, without the indentation that their fences have."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        fence = re.match(r"( *)(`{3,}|~{3,}) *([\w+-]*)(.*)$", line)
        if not fence:
            continue
        indentation, marks, language, rest = fence.groups()
        inside = []
        for _, content in lines:
            if content.strip().startswith(marks) and not content.strip().strip(marks[0]):
                break
            inside.append(re.sub(f"^ {{0,{len(indentation)}}}", "", content))
        else:
            raise PageError(number, "this block has no end")
        title = re.search(r'title="([^"]+)"', rest)
        yield Block(number + 1, language, title[1] if title else "", "".join(f"{line}\n" for line in inside))


def without_blocks(text: str) -> str:
    """The page with empty lines in place of its blocks."""
    lines = text.splitlines()
    for block in blocks(text):
        count = block.text.count("\n") + 2  # with the fences
        lines[block.line - 2 : block.line - 2 + count] = [""] * count
    return "\n".join(lines)


def steps(block: Block) -> list[Step]:
    """The commands of a block of a console, each with its output."""
    found: list[Step] = []
    lines = enumerate(block.text.splitlines(), block.line)
    for number, line in lines:
        if line.startswith("$ "):
            command = line.removeprefix("$ ")
            below = number + 1
            while command.endswith("\\"):
                below, more = next(lines, (number, ""))
                below, command = below + 1, command[:-1] + more.removeprefix("> ")
            found.append(Step(number, below, command, ""))
        elif found:
            found[-1] = replace(found[-1], expected=f"{found[-1].expected}{line}\n")
        else:
            raise PageError(number, "a block of a console begins with a command, such as `$ inception-bench`")
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether a page has what was printed, with `...` for some of it.

    Spaces at the end of a line do not count, nor do empty lines around the whole.
    """
    wanted, found = (
        "".join(f"{line.rstrip()}\n" for line in text.strip("\n").split("\n")) for text in (expected, printed)
    )
    pattern = "".join(
        "(?:.*\n)*?" if line == "..." else f"{'.*'.join(map(re.escape, line.split('...')))}\n"
        for line in wanted.splitlines()
    )
    return bool(re.fullmatch(pattern, found))
