"""The report as one HTML page: its parts are templates, with a module for what each of them shows."""

from results.report.html.page import write

__all__ = ["write"]
