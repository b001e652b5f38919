"""Ranks as torchrun starts them, by its own agent, but as forks of a process that has imported torch."""

import os
import subprocess
import sys
import uuid

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from tests.processes import PATIENCE


def run(ranks: int, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`launch` in a process of its own, with these in `sys.argv[1:]`."""
    program = f"import bench.cli, tests.forked_ranks; tests.forked_ranks.launch({ranks}, {script!r})"
    words = [sys.executable, "-c", program, *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # as torchrun sets it
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, env=environment)


def launch(ranks: int, script: str) -> None:
    """Run Python on so many ranks, where `RANK` is the number of each; exit with 1 if one of them fails."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=0,
        start_method="fork",
    )
    try:
        elastic_launch(config, _run)(script)
    except ChildFailedError:
        sys.exit(1)


def _run(script: str) -> None:
    try:
        exec(script, {"RANK": int(os.environ["RANK"])})
    except SystemExit as end:
        if end.code:
            raise
