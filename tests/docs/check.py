"""A whole page."""

from tests.docs.commands import check_other, check_shell, check_text
from tests.docs.console import Console
from tests.docs.pages import CHECKED, RUN, blocks, steps


def check_page(text: str) -> None:
    """Run what a page shows with its output, in the current folder, and look up its other commands.

    Raises `PageError` for the first that is not as the page has it.
    """
    check_text(text)
    console = Console()
    for block in blocks(text):
        if block.title:
            console.write(block)
        if block.language == RUN:
            for step in steps(block):
                console.run(step)
        elif block.language == CHECKED:
            check_shell(block.line, block.text)
        else:
            check_other(block)
    console.end()
