"""What an ONNX graph runs on: its own precision, whole batches, and a device that ONNX Runtime reaches."""

from dataclasses import replace

from bench.device import Runtime, resolve
from bench.errors import UsageError
from bench.options import Options
from bench.zoo.graph import Graph, execution_provider
from crops import Plan


def runtime_of_graph(graph: Graph, plan: Plan, options: Options) -> Runtime:
    """The runtime of a graph under a plan with these options; where `--device auto` finds a device that ONNX
    Runtime does not reach, on the CPU.

    The session on the device is opened. Raises `UsageError` for what a graph cannot do.
    """
    _check_options(graph, plan, options)
    runtime = resolve(options)
    if not execution_provider(runtime.device):
        if options.device != "auto":
            raise UsageError(
                f"the onnxruntime that is installed does not compute on {runtime.device}: "
                "install onnxruntime-gpu, or pass --device cpu"
            )
        runtime = resolve(replace(options, device="cpu"))
    graph.session(runtime.device)
    runtime = runtime.with_batch_for(plan.size)
    whole = graph.takes.batch or 1
    return replace(
        runtime,
        precision=graph.precision,
        batch=-(-runtime.batch // whole) * whole,
        execution_provider=execution_provider(runtime.device),
    )


def _check_options(graph: Graph, plan: Plan, options: Options) -> None:
    name = graph.path.name
    if options.ema is not None:
        raise UsageError(f"--ema and --no-ema: {name} has its weights, leave it out")
    if options.precision not in ("auto", graph.precision):
        raise UsageError(
            f"--precision {options.precision}: {name} is computed in {graph.precision}, leave it out"
        )
    if options.compile:
        raise UsageError(f"--compile: ONNX Runtime compiles {name} itself, leave it out")
    if any(protocol.dense for protocol in plan.protocols):
        raise UsageError(f"--crops {options.crops}: {name} takes crops of one size, leave dense out")
