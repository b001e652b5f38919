"""The commands of the pages exist, and print what the pages show. `pages.py` says what a page may have."""

import pytest

from tests.docs.check import check_page
from tests.docs.pages import PAGES, ROOT, PageError


@pytest.mark.parametrize("name", [str(page.relative_to(ROOT)) for page in PAGES])
def test_commands_of_the_page_print_what_it_shows(name, scratch):
    try:
        check_page((ROOT / name).read_text("utf-8"))
    except PageError as error:
        pytest.fail(f"{name}, {error}", pytrace=False)
