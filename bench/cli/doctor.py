"""inception-bench doctor"""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from bench.cli.app import app
from bench.cli.output import progress, show
from bench.cli.parameters import DATA, INPUT, MACHINE, Json, Quiet, Wide, takes_options
from bench.options import Options
from results.text import one_line


@app.command(epilog="Example: inception-bench doctor --model v3 --crops 144 --data imagenet/val --read")
@takes_options(
    *("model", "weights", "ema", "crops", "scales", "interpolation", "pool", "dialect", "label_order"),
    *INPUT,
    *DATA,
    "classes",
    *MACHINE,
    *("compile", "renderer", "out"),
)
def doctor(
    options: Options,
    read: Annotated[bool, typer.Option("--read", help="Decode every image.")] = False,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Examine data, weights and machine before a long evaluation.

    The exit code is 1 when a run could not be trusted.
    """
    findings = []
    with progress() as reporter:
        from bench.planning.doctor import examine, passed
        from results.terminal_table import Hanging

        for finding in examine(options, reporter, read=read):
            findings.append(finding)
            if not as_json:
                show(Hanging(f"{finding.state:<6}{finding.subject:<13}", one_line(finding.text)), wide=wide)
    if as_json:
        listed = [asdict(finding) for finding in findings]
        print(json.dumps({"passed": passed(findings), "findings": listed}))
    if not passed(findings):
        raise typer.Exit(1)
