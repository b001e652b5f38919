"""The command line: options and calls. The work is done elsewhere, and torch is imported when it is needed.

There is a module for each command, named as the command is typed; `import_` because Python keeps `import`.
"""

from importlib import import_module
from keyword import iskeyword

from bench.cli.app import app

__all__ = ["COMMANDS", "app"]

COMMANDS = (
    *("eval", "import", "demo", "ensemble", "reproduce", "suite"),
    *("runs", "report", "predictions", "compare", "check"),
    *("doctor", "throughput", "train", "experiment"),
    *("models", "protocols", "papers", "experiments", "crops"),
)
"""In the order of `--help`."""

for command in COMMANDS:  # importing a command's module adds it to the app
    import_module(f"bench.cli.{command}{'_' * iskeyword(command)}")
