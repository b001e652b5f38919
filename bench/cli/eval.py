"""inception-bench eval"""

import json
from pathlib import Path

from bench.cli.app import app
from bench.cli.output import inform, note, progress, show
from bench.cli.parameters import Json, Quiet, Wide, takes_options
from bench.options import Options
from results.text import printable


@app.command("eval", epilog="Example: inception-bench eval --model v3 --crops 144 --data imagenet/val")
@takes_options()
def evaluate(options: Options, as_json: Json = False, wide: Wide = False, quiet: Quiet = False) -> None:
    """Evaluate one network: a table of its errors, and a run.

    Top-1 and top-5 errors for each protocol and image set. The run stays on disk; the same command continues
    or reuses it.
    """
    if options.weights and Path(options.weights).is_dir():
        _evaluate_checkpoints(options, as_json, wide)
        return
    with progress() as reporter:
        from bench.evaluation.evaluate import run_evaluations
        from results.counterpart import accuracy_beside, find_clean_run
        from results.report.accuracy_tables import accuracy_tables
        from results.report.json import summary
        from results.tables import accuracy

        (run,) = run_evaluations([options], reporter)
    table = accuracy([run])
    clean = find_clean_run(run, options.out)
    both = accuracy_beside(run, clean) if clean else table
    if as_json:
        rows = summary(both[both["run"] != run.path.name])
        more = {"clean": {"run": str(clean.path)} | rows} if clean else {}
        print(json.dumps({"run": str(run.path)} | summary(table) | more))
        return
    show(*accuracy_tables(both), wide=wide)
    if clean:
        print(printable(f"clean run: {clean.path}, the same network on validation images of these classes"))
    print(printable(f"run: {run.path}"))


def _evaluate_checkpoints(options: Options, as_json: bool, wide: bool) -> None:
    from bench.training.curve import evaluate_checkpoints, find_implausible, write_curve
    from results.report.accuracy_tables import epoch_tables
    from results.report.json import summary

    with progress() as reporter:
        runs = evaluate_checkpoints(options, reporter)
    table, files = write_curve(runs, options)
    inform(f"wrote {' and '.join(map(str, files))}")
    if as_json:
        print(json.dumps({"runs": [str(run.path) for run in runs.values()]} | summary(table)))
    else:
        show(*epoch_tables(table), wide=wide)
        for epoch, run in runs.items():
            print(printable(f"run of epoch {epoch}: {run.path}"))
    if not options.allow_implausible and (problem := find_implausible(runs, options.label_order)):
        note(f"the last epoch: {problem}")
