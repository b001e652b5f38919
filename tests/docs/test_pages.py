"""What a page may have, and that a wrong page fails at its line."""

import pytest

from tests.docs.check import check_page
from tests.docs.pages import Block, PageError, Step, blocks, matches, steps

PAGE = """# Title

```console
$ inception-bench --version
...
```

{block}
"""


def wrong(text):
    """The line and the message with which a page is refused."""
    with pytest.raises(PageError) as caught:
        check_page(text)
    return str(caught.value)


def test_blocks_have_their_line_language_and_title():
    page = 'a\n\n1. b\n\n   ```python title="nets.py"\n   x = 1\n\n     y\n   ```\n~~~~\n```sh\n~~~~\n'
    assert list(blocks(page)) == [
        Block(6, "python", "nets.py", "x = 1\n\n  y\n"),
        Block(11, "", "", "```sh\n"),
    ]
    with pytest.raises(PageError, match="line 2: this block has no end"):
        list(blocks("a\n```sh\nls\n"))


def test_steps_have_the_output_below_them():
    block = Block(3, "console", "", "$ echo a \\\n    b\na b\n\n$ true\n")
    assert steps(block) == [Step(3, 5, "echo a     b", "a b\n\n"), Step(7, 8, "true", "")]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a  \nb\n\n", "a\nb", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
        ("", "", True),
        ("", "a\n", False),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("run: x-...\n", "run: x-1a2b\n", True),
        ("run: x-...\n", "run: x-1a2b\nmore\n", False),
        ("a.c (1+1)\n", "abc (1+1)\n", False),
    ],
)
def test_dots_stand_for_what_varies_and_all_else_is_compared(expected, printed, same):
    assert matches(expected, printed) is same


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ inception-bench papers rethinking/table9\n...\n$ echo $?\n2\n```",
        "```console\n$ inception-bench papers rethinking/table9\ninception-bench: no table ...\n```",
        "```console\n$ mkdir a && echo 'x | y' > 'a/b c'\n$ cat a/*\nx | y\n```",
        "```console\n$ inception-bench papers --json | head -c 2\n[{\n```",
        '```python title="a/b.py"\nprint("c")\n```\n\n```console\n$ python a/b.py\nc\n```',
        "```sh\n# a comment\ninception-bench eval --crops \\\n    144  # another\nmake demo VENV=x\n```",
        "```sh\nsrun torchrun --nnodes 4 -m -- bench suite mini\ninception-bench report r -o >(less)\n```",
        "```sh\nfor run in runs/*; do inception-bench report $run | head; done\n```",
        "```yaml\n- run: inception-bench check runs/v3-* --against accuracy.csv\n```",
        "See `inception-bench eval --model\nv3`, `inception-bench crops` and `inception-bench --version`.",
    ],
)
def test_page_that_is_right_passes(block, scratch):
    check_page(PAGE.format(block=block))


@pytest.mark.parametrize(
    ("block", "line", "message"),
    [
        ("```console\n$ inception-bench papers rethinking/table9\n...\n```", 9, "exit code 2: show it"),
        ("```console\n$ inception-bench --version\n7.7\n```", 9, "the page has:\n7.7"),
        ("```console\n$ inception-bench papers x\n...\n$ echo $?\n1\n```", 11, "the page has:\n1"),
        ("```console\n$ ls\n\nb\n```", 9, "the page has:\n\nb"),
        ("```console\n$ make demo\n```", 9, "make is not run: write the command into a block of sh"),
        ("```console\ninception-bench --version\n```", 9, "begins with a command"),
        ('```python title="../a.py"\n```', 9, "../a.py is outside of the folder"),
        ("```sh\nls\n\ninception-bench evil\n```", 11, "there is no command inception-bench evil"),
        ("```sh\nls \\\n  -l\ninception-bench eval --modle v3\n```", 11, "inception-bench eval --modle v3: "),
        ("```sh\ncat x | inception-bench eval --limit many\n```", 9, "inception-bench eval --limit many: "),
        ("```sh\ninception-bench compare one\n```", 9, "inception-bench compare one: "),
        ("```sh\ntorchrun -m bench eval --nothing\n```", 9, "inception-bench eval --nothing: "),
        ("```sh\nx=1 && inceptoin-bench eval\n```", 9, "no program inceptoin-bench is known"),
        ("```sh\nmake everything\n```", 9, "the Makefile has no everything"),
        ("```sh\nmake demo COLOUR=red\n```", 9, "the Makefile has no COLOUR"),
        (
            "```sh\npython benchmarks/nothing.py\n```",
            9,
            "there is no benchmarks/nothing.py in the repository",
        ),
        ("```sh\necho 'x\n```", 9, "echo 'x: No closing quotation"),
        ("```\ninception-bench eval\n```", 9, "write console or sh behind the fence"),
        ("```yaml\n- run: inception-bench cheque runs\n```", 9, "there is no command inception-bench cheque"),
        ("See `inception-bench eval --modle v3`.", 8, "inception-bench eval --modle v3: "),
        ("See `inception-bench\nevil`.", 8, "there is no command inception-bench evil"),
    ],
)
def test_page_that_is_wrong_fails_at_its_line(block, line, message, scratch):
    assert wrong(PAGE.format(block=block)).startswith(f"line {line}: ")
    assert message in wrong(PAGE.format(block=block))
