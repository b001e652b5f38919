"""Chromium, which opens the pages that tests write."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-quic")

OpenPage = Callable[..., Page]
"""See `open_page`."""


@pytest.fixture(scope="package")  # not for the session: beside Playwright's loop no test could have another
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this folder."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """`open_page(page, width=1280, dark=False)` opens a page, its text or its file, without a network.

    The test fails where the page cannot fetch what it asks for, or logs an error or a warning.
    """
    contexts, complaints = [], []

    def open_page(page: str | Path, width: int = 1280, dark: bool = False) -> Page:
        if isinstance(page, str):
            path = tmp_path / f"opened{len(contexts)}.html"
            path.write_text(page, encoding="utf-8")
            page = path
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            offline=True,
        )
        contexts.append(context)
        opened = context.new_page()
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("requestfailed", lambda request: complaints.append(f"cannot fetch {request.url}"))
        opened.on(
            "console",
            lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None,
        )
        opened.goto(page.as_uri())
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong on an open page: a line for each rule, and its first element."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:300]}" for rule in found]
