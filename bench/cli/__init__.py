"""The command line: options and calls. What a command does lies elsewhere; torch is imported when it is needed."""

from bench.cli import look, read, work  # each gives `app` its commands
from bench.cli.app import app

__all__ = ["app", "look", "read", "work"]
