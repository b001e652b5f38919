"""Whether a GPU computes what a CPU does: pixels, scores, the bytes of runs, and what happens without memory.

    python -m benchmarks.gpu.correct --data FOLDER --weights v3.safetensors
    TRITON_INTERPRET=1 python -m benchmarks.gpu.correct --short --device cpu

from the top folder. It prints a table and ends with exit code 1 where something is not as expected. It takes
some minutes on a GPU. `benchmarks.gpu.common` says which packages are needed.
"""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor, nn

from bench.data.decode import decode, decoded_size
from bench.device import PRECISIONS
from bench.evaluation import device_chunk
from bench.evaluation.chunks import MOST_IMAGES
from bench.evaluation.classify import Scorer
from bench.evaluation.device_chunk import can_render
from bench.evaluation.engine import Probabilities
from bench.evaluation.environment import environment
from bench.evaluation.evaluate import run_evaluations
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.evaluation.precision import agrees
from bench.options import Options
from bench.progress import Silent
from bench.zoo.convolution import ALIGNED, Convolution
from benchmarks.gpu.common import FEW, Data, Device, Session, Short, Table, Weights, session
from crops import Plan, parse, pillow
from results.run import SHARDS, Run

SCORES = 2e-4
"""Largest difference of a probability between devices in fp32."""

NO_TF32 = 1e-5
"""Largest error of an operation in fp32, as a share of the largest output. TF32 has one of about 1e-3."""

MEMORY = 0.02
"""Part of the card's memory that is left for the evaluation that runs out of it."""

PATIENCE = 120
"""Seconds that a process may take."""

KILLED = """
import json, os, signal, sys
from bench.evaluation.evaluate import run_evaluations
from bench.options import Options
from bench.progress import Silent
from results.run import Shard

save = Shard.save

def save_and_die(shard, folder, identity):
    save(shard, folder, identity)
    os.kill(os.getpid(), signal.SIGKILL)

Shard.save = save_and_die
run_evaluations([Options(**json.loads(sys.argv[1]))], Silent())
"""
"""A program that evaluates with the options in its argument, and is killed after its first shard."""


def main(data: Data = None, weights: Weights = None, device: Device = "cuda", short: Short = False) -> None:
    """Print what was found, and what was expected."""
    table = Table()
    with session(data, weights, device, short) as here:
        for check in CHECKS:
            words = check.__name__.removeprefix("check_").replace("_", " ")
            table.attempt(words, check, here, table)
    table.end()


def check_versions(here: Session, table: Table) -> None:
    """What it runs with. Triton compiles a part of itself with the system's C compiler, on first use."""
    found = environment()
    for name in ("python", "torch", "cuda", "cudnn", "driver", "timm", "pillow", "simplejpeg", "pytorchcv"):
        if name in found:
            table.add(name, found[name] or "none")
    if find_spec("triton"):
        import triton

        table.add("triton", triton.__version__)
    if here.on_gpu:
        properties = torch.cuda.get_device_properties(here.device)
        table.add("card", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        header = Path(sysconfig.get_path("include"), "Python.h")
        right = bool(compiler) and header.exists()
        table.add("C compiler and Python.h for Triton", f"{compiler}, {header.exists()}", "both", right)


def check_rendering(here: Session, table: Table) -> None:
    """The kernels' levels against Pillow's, in each type that a batch may have."""
    interpreted = not here.on_gpu and os.environ.get("TRITON_INTERPRET") == "1"
    if not find_spec("triton") or not (here.on_gpu or interpreted):
        table.skip("kernels against Pillow", "no Triton, or no GPU: TRITON_INTERPRET=1 interprets it")
        return
    number = 1 if interpreted else 100
    for size, interpolation in ((40, "bicubic"),) if here.short else ((299, "bicubic"), (224, "bilinear")):
        evaluation = here.evaluation("v3", number, crops="144")
        plan = Plan(parse("144", size), size, interpolation=interpolation)
        files = [evaluation.images.read(i) for i in range(min(number, len(evaluation.images)))]
        differing = levels = 0
        for first in range(0, len(files), MOST_IMAGES):
            wrong, count = _count_differing(files[first : first + MOST_IMAGES], plan, here.device)
            differing, levels = differing + wrong, levels + count
        what = f"kernels against Pillow, 144 crops of {size}, {interpolation}"
        measured = f"{differing:,} of {levels:,} levels differ, {len(files)} images"
        table.add(what, measured, "0", differing == 0)


def _count_differing(files: Sequence[bytes], plan: Plan, device: str) -> tuple[int, int]:
    """Levels of the crops that differ in one type or another, and levels."""
    on = torch.device(device)
    slab = device_chunk.Slab(sum(map(decoded_size, files)), on)
    images = [decode(data, slab.take) for data in files]
    patches = [plan.patches(image.shape[1], image.shape[0])[0] for image in images]
    crops = device_chunk.render(slab, images, patches, on)
    expected = torch.from_numpy(
        np.stack([
            np.asarray(crop)
            for image, each in zip(images, patches, strict=True)
            for crop in pillow.render(Image.fromarray(image), each)
        ])
    ).to(on)  # fmt: skip
    wrong = torch.zeros(expected.shape, dtype=torch.bool, device=on)
    for dtype in (torch.uint8, *PRECISIONS.values()):
        shape = (len(crops), 3, *crops.shape)
        found = torch.empty(shape, dtype=dtype, device=on, memory_format=torch.channels_last)
        crops.copy_to(found, 0)
        wrong |= found.permute(0, 2, 3, 1) != expected.to(dtype)  # which has all levels
    return int(wrong.sum()), expected.numel()


def check_fp32(here: Session, table: Table) -> None:
    """Operations in fp32 against fp64: no TF32."""
    here.evaluation("v3", 20, precision="fp32")  # sets torch up
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(8, 64, 35, 35, generator=generator).to(here.device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    plain = nn.Conv2d(64, 96, 3).requires_grad_(False).to(here.device, memory_format=torch.channels_last)
    fused = Convolution(plain, relu=True)
    fused.speed_up(inputs.shape)
    matrix = torch.randn(1024, 1024, generator=generator).to(here.device)
    exact = nn.functional.conv2d(inputs.double(), plain.weight.double(), _double(plain.bias))
    pairs = {
        "convolution": (plain(inputs), exact),
        "convolution with ReLU, as built": (fused(inputs), exact.relu()),
        "matrix product": (matrix @ matrix, matrix.double() @ matrix.double()),
    }
    for name, (found, expected) in pairs.items():
        error = float((found.double() - expected).abs().max() / expected.abs().max())
        table.add(f"{name}, fp32 against fp64", f"{error:.1e}", f"below {NO_TF32:.0e}", error < NO_TF32)


def _double(values: Tensor | None) -> Tensor | None:
    return None if values is None else values.double()


def check_fused_convolutions(here: Session, table: Table) -> None:
    """How many convolutions use cuDNN's operation: all that can, or none where the outputs changed."""
    if not here.on_gpu:
        table.skip("convolutions that cuDNN fuses", "no GPU")
        return
    for precision in ("fp32", here.half):
        scorer = here.evaluation("v3", 20, precision=precision).scorer()
        layers = [child for child in scorer._module.modules() if isinstance(child, Convolution)]
        can = [
            layer.relu and layer.in_channels % ALIGNED == layer.out_channels % ALIGNED == 0
            for layer in layers
        ]
        fused = sum(layer._by_cudnn for layer in layers)
        table.add(f"convolutions that cuDNN fuses, {precision}", f"{fused}", f"{sum(can)}", fused == sum(can))


def check_scores(here: Session, table: Table) -> None:
    """Probabilities in fp32 of both devices, end to end. On the CPU Pillow renders, so the pixels are the
    same where kernels render, and nearly so where torch's resize does.
    """
    for name, crops, images in (("v3", "12", 16), ("v1", "1", 16), ("v3", "dense", 4)):
        wanted: dict[str, Any] = {"crops": crops, "precision": "fp32", "renderer": "pillow"}
        if here.short:
            wanted["limit"] = 4
        expected = _probabilities(here.evaluation(name, images, **wanted | {"device": "cpu"}))
        evaluation = here.evaluation(name, images, **wanted)
        by_kernels = can_render(evaluation.plan, evaluation.runtime.device)
        found = _probabilities(replace(evaluation, renderer="triton") if by_kernels else evaluation)
        folded = "folded" if evaluation.scorer()._normalisation is None else "not folded"
        what = f"{here.model(name)}, {crops} crops, fp32, against the CPU (normalisation {folded})"
        _compare(table, what, found, expected, SCORES)


def check_renderers(here: Session, table: Table) -> None:
    """`--renderer pillow` on the device gives what the kernels give, bit for bit, and torch's resize about
    that.
    """
    evaluation = here.evaluation("v3", 20, crops="144", precision="fp32" if here.short else here.half)
    found = _probabilities(replace(evaluation, renderer="pillow"))
    exact = evaluation.sees.renders_chunks
    what = f"--renderer pillow against {evaluation.renderer}, 144 crops, {evaluation.runtime.precision}"
    _compare(table, what, found, _probabilities(evaluation), 0 if exact else 0.05)


def check_compile(here: Session, table: Table) -> None:
    """`--compile`, against the same without."""
    if here.short:
        table.skip("--compile", "takes minutes")
        return
    evaluation = here.evaluation("v3", 20, crops="12", precision="fp32")
    found = _probabilities(replace(evaluation, runtime=replace(evaluation.runtime, compile=True)))
    _compare(table, "--compile, fp32, 12 crops", found, _probabilities(evaluation), SCORES)


def _compare(table: Table, what: str, found: Probabilities, expected: Probabilities, most: float) -> None:
    difference = float(np.abs(found - expected).max())
    same = int((found[:, -1].argmax(1) == expected[:, -1].argmax(1)).sum())
    measured = f"{difference:.1e}; same top-1 {same} of {len(found)}"
    table.add(what, measured, f"at most {most:g}", difference <= most)


def _probabilities(evaluation: Evaluation, note: Callable[[str], None] = lambda text: None) -> Probabilities:
    """[images x protocols x classes]"""
    pipeline = build_pipeline([evaluation], [evaluation.scorer(note)], note)
    (shards,) = zip(*pipeline.shards([range(len(evaluation.images))]), strict=True)
    return np.concatenate([np.stack(list(shard.probabilities.values()), axis=1) for shard in shards])


def check_half_precision(here: Session, table: Table) -> None:
    """Flips against fp32, how near the nearest decision was, and how far the logits are off."""
    evaluation = here.evaluation("v3", 100, precision="fp32")
    scores = {name: _logits(evaluation, name) for name in ("fp32", here.half)}
    exact, half = scores["fp32"], scores[here.half]
    flips = int((exact.argmax(1) != half.argmax(1)).sum())
    best = exact.topk(2, dim=1).values
    margins = best[:, 0] - best[:, 1]
    error = float((half - exact).square().mean().sqrt())
    clear = here.short or here.weights is not None
    right = agrees(len(exact) - flips, len(exact)) if clear else None
    table.add(
        f"{here.half} against fp32, flips", f"{flips} of {len(exact)}", "0 or 1" if clear else "-", right
    )
    table.add(f"{here.half}, error of the logits (rms)", f"{error:.4f}", "0.002 with v3 in fp16")
    low = f"{float(margins.min()):.3f}; {int((margins < 1).sum())} of {len(margins)} below 1"
    table.add("smallest margin of the logits", low, "-" if clear else "- (random weights)")


def _logits(evaluation: Evaluation, precision: str) -> Tensor:
    """[images x classes] of the single crop."""
    runtime = replace(evaluation.runtime, precision=precision)
    changed = replace(evaluation, runtime=runtime, renderer="pillow")
    normalisation = evaluation.network.preprocessing.normalisation
    scorer = Scorer(evaluation.network, runtime, normalisation, logits=True, note=lambda text: None)
    renderer, images = changed.sees, evaluation.images
    logits = []
    for i in range(len(images)):
        image = decode(images.read(i))
        (crops,) = renderer.crops([image], [renderer.patches(image)[0]])
        pixels = torch.empty(
            len(crops), 3, *crops.shape, dtype=torch.uint8, memory_format=torch.channels_last
        )
        crops.copy_to(pixels, 0)
        logits.append(torch.from_numpy(scorer(pixels).numpy().copy()))
    return torch.cat(logits)


def check_bytes_of_shards(here: Session, table: Table) -> None:
    """The same for any number of workers, again, and after a kill."""
    for crops, images in (("144", 200), ("1", 2000)):
        options = here.options("v3", images, crops=crops, precision="fp32" if here.short else here.half)
        run = partial(_hashes, options, here.folder)
        first = run("one", workers=1)
        compare = partial(
            _compare_hashes, table, first, f"{crops} crops, {images if not here.short else FEW} names"
        )
        compare("16 workers", run("sixteen", workers=16))
        if not here.short:
            compare("4 workers", run("four", workers=4))
            compare("16 workers again", run("again", workers=16))
        if crops == "144":
            compare("killed and resumed", _killed_and_resumed(options, here.folder))
            compare("two ranks that share the device", _hashes_of_two_ranks(options, here))
        for folder in here.folder.glob("runs-*"):
            shutil.rmtree(folder)


def _compare_hashes(table: Table, first: list[str], what: str, by: str, found: list[str]) -> None:
    same = sum(one == other for one, other in zip(first, found, strict=True))
    right = same == len(first)
    table.add(f"shards, {what}: {by}", f"{same} of {len(first)} as with 1 worker", "all", right)


def _hashes(options: Options, folder: Path, name: str, **changes: Any) -> list[str]:
    """The sha256 of each shard of a run in a folder of that name."""
    (run,) = run_evaluations([replace(options, out=folder / f"runs-{name}", **changes)], Silent())
    return _shard_hashes(run)


def _shard_hashes(run: Run) -> list[str]:
    return [shard.sha256 for shard in run.manifest.shards]


def _killed_and_resumed(options: Options, folder: Path) -> list[str]:
    out = folder / "runs-killed"
    given = json.dumps(replace(options, out=out).changed())
    words = [sys.executable, "-c", KILLED, given]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != -signal.SIGKILL:
        raise RuntimeError(f"it was not killed: exit code {done.returncode}: {done.stderr[-300:]!r}")
    kept = list(out.glob(f"*/{SHARDS}/*.safetensors"))
    if len(kept) != 1:
        raise RuntimeError(f"it left {len(kept)} shards, not one")
    return _hashes(options, folder, "killed")


def _hashes_of_two_ranks(options: Options, here: Session) -> list[str]:
    """Where each process sees one card only, ranks may share it."""
    out = here.folder / "runs-ranks"
    done = _torchrun(replace(options, out=out), {"CUDA_VISIBLE_DEVICES": "0"})
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-300:]!r}")
    return _shard_hashes(Run.open(next(out.iterdir())))


def check_more_ranks_than_cards(here: Session, table: Table) -> None:
    """It is refused, in one line for both."""
    if not here.on_gpu or torch.cuda.device_count() != 1:
        table.skip("two ranks for one card", "no GPU, or several")
        return
    done = _torchrun(here.options("v3", 20, out=here.folder / "refused"), {})
    lines = [line for line in done.stderr.splitlines() if line.startswith("inception-bench: ")]
    table.add(
        "two ranks for one card", "; ".join(lines), "one line", len(lines) == 1 and done.returncode != 0
    )


def _torchrun(options: Options, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """`eval` with these options, by two ranks."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*launch, "-m", "bench", "eval"]
    for name, value in options.changed().items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    inherited = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    return subprocess.run(
        words, capture_output=True, text=True, env=inherited | environment, timeout=PATIENCE
    )


def check_out_of_memory(here: Session, table: Table) -> None:
    """The batch is halved, with a note, and the scores stay the same."""
    if not here.on_gpu:
        table.skip("out of memory", "no GPU")
        return
    evaluation = here.evaluation("v3", 100, crops="12", precision="fp32", batch=1024)
    expected = _probabilities(evaluation)
    gc.collect()  # earlier networks
    torch.cuda.empty_cache()
    notes: list[str] = []
    torch.cuda.set_per_process_memory_fraction(MEMORY)
    try:
        found = _probabilities(evaluation, notes.append)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    noted = any("out of memory" in note for note in notes)
    table.add("out of memory: what is noted", "; ".join(notes) or "nothing", "a smaller batch", noted)
    _compare(table, "out of memory: probabilities", found, expected, SCORES)


CHECKS: tuple[Callable[[Session, Table], None], ...] = (
    check_versions,
    check_rendering,
    check_fp32,
    check_fused_convolutions,
    check_scores,
    check_renderers,
    check_half_precision,
    check_bytes_of_shards,
    check_out_of_memory,
    check_more_ranks_than_cards,
    check_compile,
)
"""In the order in which they matter."""


if __name__ == "__main__":
    typer.run(main)
