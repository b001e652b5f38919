"""The templates of pages, which lie beside this module."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from results.text import printable


def render(name: str, **values: Any) -> str:
    """The page that the template makes of these values."""
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("results.report.html", "."),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
    )
    return environment.get_template(name).render(**values)


def _finalize(value: Any) -> Any:
    """What a page shows of a value: text is made printable, except charts and pictures."""
    return printable(value) if type(value) is str else value
