"""The command line: options and calls. The work is done elsewhere, and torch is imported when it is needed.

There is a module for each command, named as the command is typed, but for
`score_detections` and `import_`, which Python does not allow otherwise.
"""

from importlib import import_module
from keyword import iskeyword

from bench.cli.app import app
from bench.cli.help import Command

__all__ = ["COMMANDS", "app"]

PANELS = {
    "Evaluate": ("eval", "demo", "reproduce", "ensemble", "suite", "import", "detect"),
    "Look": ("report", "compare", "check", "runs", "predictions", "crops", "score-detections"),
    "Data": ("models", "protocols", "papers", "experiments"),
    "Machine": ("doctor", "throughput", "train", "experiment"),
}
"""The panels of `--help` and their commands, those in most use first."""

COMMANDS = tuple(command for commands in PANELS.values() for command in commands)
"""In the order of `--help`."""

for panel, commands in PANELS.items():
    for command in commands:  # importing a command's module adds it to the app
        import_module(f"bench.cli.{command.replace('-', '_')}{'_' * iskeyword(command)}")
        app.registered_commands[-1].rich_help_panel = panel
        app.registered_commands[-1].cls = Command
