"""Text from elsewhere, such as a manifest or the name of a file, made safe to print."""

import re

COMMAND = re.compile(r"^ *::|##\[")
"""How the commands begin that GitHub Actions takes from the lines of a log."""


def printable(text: str) -> str:
    r"""The text with a backslash escape in place of each character that does not print.

    So it stays on one line, and a terminal, a page or GitHub Actions shows it and does nothing else.

    >>> print(printable("two\nlines, \x1b[31mred"), printable("::error::wrong"))
    two\nlines, \x1b[31mred :\x3aerror::wrong
    """
    escaped = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )
    return COMMAND.sub(lambda start: f"{start[0][:-1]}\\x{ord(start[0][-1]):02x}", escaped)


def one_line(text: str) -> str:
    r"""The same of a message, whose line breaks become spaces.

    >>> print(one_line("no such file\n  hint: \x1b look elsewhere"))
    no such file hint: \x1b look elsewhere
    """
    return printable(" ".join(text.split()))


def crops_in_words(*protocols: str) -> str:
    """Names of protocols, and what they count.

    >>> crops_in_words("1"), crops_in_words("10", "144"), crops_in_words("dense")
    ('1 crop', '10, 144 crops', 'dense')
    """
    names = ", ".join(protocols)
    return {"1": "1 crop", "native": "native crop", "dense": "dense"}.get(names, f"{names} crops")
