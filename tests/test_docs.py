"""What the documents say of the code is what the code says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = runpy.run_path(str(ROOT / "docs" / "public_names.py"))["page"]()


def test_page_of_public_names_is_up_to_date():
    assert (ROOT / "docs" / "public-names.md").read_text("utf-8") == PAGE, "renew it with `make names`"


def test_every_public_name_has_a_docstring():
    assert [line for line in PAGE.splitlines() if line.startswith("- `") and ": " not in line] == []


def test_version_is_that_of_the_changelog():
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line[:3] == "## "]
    assert [heading.split()[1] for heading in headings[:2]] == ["Unreleased", version]
