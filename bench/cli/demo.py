"""inception-bench demo"""

import json
from pathlib import Path
from typing import Annotated

from bench.cli.app import app
from bench.cli.output import progress, show, write_text
from bench.cli.parameters import Json, Quiet, Wide, option
from bench.options import DEFAULTS, Options


@app.command(epilog="Example: inception-bench demo --out runs")
def demo(
    limit: Annotated[int | None, option("limit")] = DEFAULTS.limit,
    out: Annotated[Path, option("out")] = DEFAULTS.out,
    as_json: Json = False,
    wide: Wide = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate four small networks on the mini set; no ImageNet.

    Four small Inception networks and their ensemble, with 1, 10, 12 and 144 crops.
    """
    with progress() as reporter:
        from bench import mini
        from bench.evaluation.evaluate import options_for_each, run_evaluations
        from results.ensemble import ensemble
        from results.report import FORMATS
        from results.report.accuracy_tables import accuracy_tables
        from results.report.json import summary
        from results.tables import accuracy

        options = Options(crops="144", limit=limit, out=out)
        runs = run_evaluations(options_for_each(",".join(mini.NETWORKS), options), reporter)
    runs.append(ensemble(runs, out))
    table = accuracy(runs)
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs]} | summary(table)))
    else:
        show(*accuracy_tables(table), wide=wide)
    for name in ("csv", "md"):
        write_text(str(out / f"demo.{name}"), FORMATS[name](table))
