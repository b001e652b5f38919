"""Commands that are not run: whether their programs, commands and options exist."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer
from typer.main import get_command

from bench.cli import app
from tests.docs.console import OTHERS, OURS
from tests.docs.pages import CHECKED, ROOT, RUN, Block, PageError, without_blocks

PROGRAMS = (
    *OTHERS,
    *("apt-get", "aws", "bash", "cd", "curl", "docker", "export", "gh", "git", "hf", "less", "pip", "pipx"),
    *("pytest", "python3", "sbatch", "source", "tar", "torchrun", "unzip", "uv", "uvx", "wget"),
)
"""Programs that a page may name, beside this one and `make`."""

BEFORE_A_PROGRAM = ("!", "do", "else", "exec", "if", "nice", "srun", "sudo", "then", "time", "while")
WITHOUT_A_PROGRAM = ("case", "done", "esac", "fi", "for")


def check_shell(line: int, text: str) -> None:
    """Raise `PageError` if a program, a command or an option in lines of a shell does not exist."""
    lines = enumerate(text.splitlines(), line)
    for number, row in lines:
        while row.endswith("\\"):
            row = row[:-1] + next(lines, (number, ""))[1]
        for command in _commands(number, row):
            _check_command(number, command)


def check_text(text: str) -> None:
    """Raise `PageError` if the text around a page's blocks has a command that does not exist.

    In text, arguments may be left out, or stand as a word like FILE.
    """
    text = without_blocks(text)
    for span in re.finditer(rf"`{OURS}\s([^`]+)`", text):
        line = text.count("\n", 0, span.start()) + 1
        _check_arguments(line, next(_commands(line, " ".join(span[1].split()))), any_values=True)


def check_other(block: Block) -> None:
    """Raise `PageError` if a block of another language, such as YAML, has a command that does not exist.

    A block without a language may not have commands.
    """
    for number, line in enumerate(block.text.splitlines(), block.line):
        command = re.search(rf"(?<![\w/-]){OURS} +[a-z-].*", line)
        if not command:
            continue
        if block.language in ("", "bash", "shell", "text", "zsh"):
            raise PageError(number, f"write {RUN} or {CHECKED} behind the fence of a block with `{OURS}`")
        check_shell(number, command[0].rstrip("\"'],"))


def _commands(line: int, text: str) -> Iterator[list[str]]:
    """The words of each command in a line of a shell, without comments and redirections."""
    text = re.sub(r"[<>]\([^)]*\)", "FILE", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        raise PageError(line, f"{text}: {error}") from None
    command: list[str] = []
    rest = iter(words)
    for word in rest:
        if set(word) <= set("<>&") and set(word) & set("<>"):
            next(rest, None)
        elif set(word) <= set(";()|&"):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def _check_command(line: int, words: list[str]) -> None:
    """Raise `PageError` if a program, a script, a command or an option does not exist."""
    while words and (words[0] in BEFORE_A_PROGRAM or re.match(r"\w+=", words[0])):
        words = words[1:]
    if not words or words[0] in WITHOUT_A_PROGRAM:
        return
    program, *arguments = words
    module = [word for word in words[words.index("-m") :] if word != "--"] if "-m" in words else []
    if program == OURS:
        _check_arguments(line, arguments)
    elif module[1:2] == ["bench"]:
        _check_arguments(line, module[2:])
    elif program == "make":
        _check_targets(line, arguments)
    elif program not in PROGRAMS and "/" not in program:
        raise PageError(line, f"no program {program} is known in tests/docs/commands.py")
    elif program in ("bash", "python", "python3") or "/" in program:
        _check_script(line, words)


def _check_script(line: int, words: list[str]) -> None:
    """Raise `PageError` if a script in a folder of the repository is not there."""
    script = next((word for word in words if "/" in word and not word.startswith((".venv", "/"))), "")
    if script and not any(ROOT.glob(script)):
        raise PageError(line, f"there is no {script} in the repository")


def _check_targets(line: int, targets: list[str]) -> None:
    """Raise `PageError` if the Makefile does not have a target, or a variable that is set."""
    rules = (ROOT / "Makefile").read_text("utf-8")
    for target in targets:
        name, is_variable, _ = target.partition("=")
        sign = "[?]?=" if is_variable else ":"
        if not re.search(f"^{re.escape(name)} *{sign}", rules, re.MULTILINE):
            raise PageError(line, f"the Makefile has no {name}")


@cache
def _group() -> Any:
    """Our commands, as the parser has them."""
    return get_command(app)


def _check_arguments(line: int, words: list[str], *, any_values: bool = False) -> None:
    """Raise `PageError` if our command or its option does not exist, or, if not `any_values`, if a value is
    missing or wrong.
    """
    group = _group()
    flags = {name for parameter in group.params for name in parameter.opts} | {"--help"}
    while words and words[0] in flags:
        words = words[1:]
    if not words or "--help" in words:
        return
    if words[0] not in group.commands:
        raise PageError(line, f"there is no command {OURS} {words[0]}")
    try:
        group.commands[words[0]].make_context(words[0], words[1:]).close()
    except typer.BadParameter.__base__ as error:  # click's UsageError, of which newer Typers have a copy
        if not (any_values and isinstance(error, typer.BadParameter)):
            raise PageError(line, f"{OURS} {' '.join(words)}: {error.format_message()}") from None
