"""`bench.evaluate`: every option of an evaluation, written out."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from bench.errors import UsageError
from bench.evaluation.evaluate import evaluate_module, run_evaluations
from bench.progress import Reporter
from bench.python.arguments import checks_arguments, options_from
from bench.python.choose_reporter import choose_reporter
from bench.zoo.from_python import Described, qualified_name
from results.run import Run


@checks_arguments
def evaluate(
    model: str | Path | nn.Module = "mini-v3",
    *,
    weights: str | Path | None = None,
    ema: bool | None = None,
    crops: str | int | Sequence[str | int] = "auto",
    scales: str | int | Sequence[int] | None = None,
    interpolation: str = "auto",
    pool: str = "mean",
    dialect: str = "paper",
    input_size: int | None = None,
    mean: str | float | Sequence[float] | None = None,
    std: str | float | Sequence[float] | None = None,
    label_order: str = "auto",
    data: str | Path = "mini",
    labels: str | Path | None = None,
    devkit: str | Path | None = None,
    blacklist: str | Path | None = None,
    classes: str | Path | None = None,
    limit: int | None = None,
    shuffle_seed: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    workers: int | None = None,
    compile: bool | None = None,
    renderer: str = "auto",
    out: str | Path = "runs",
    fresh: bool = False,
    verify: bool = False,
    skip_unreadable: bool = False,
    allow_implausible: bool = False,
    preprocessing: Described = None,
    progress: bool = True,
    reporter: Reporter | None = None,
) -> Run:
    """Evaluate one network on one data set and return the run, complete, on disk.

    The same call continues an unfinished run and returns a finished one. Raises `bench.errors.BenchError`,
    `results.RunError` or `crops.ProtocolError`, each with a line to show, and `TypeError` for an option that
    does not exist and a value of the wrong type.

    Args:
        model: A name of `inception-bench models`; timm/NAME, torchvision/NAME, pytorchcv/NAME, or NAME of the
            first that has it; hf-hub:ORG/NAME; NET.onnx; FILE.py:FACTORY or PACKAGE.MODULE:FACTORY.
        weights: A tag of the network's weights (default: the first), a checkpoint (.safetensors, .pth, .pt,
            .bin, .ckpt, .pth.tar, .caffemodel, .onnx), or a folder of checkpoints.
        ema: The running average (EMA) of the weights in a checkpoint, or the weights themselves (default: the
            average if there is one).
        crops: native, 1, 10, 12, 144, dense, a list of them, or a lattice such as 2x1x5x2 (see
            `inception-bench protocols`); auto: native for public weights, else 1.
        scales: Shorter sides in pixels, such as 320,352,384,416 (default: the paper's).
        interpolation: bilinear or bicubic; auto: what the weights were made for.
        pool: How crops become one prediction: mean of probabilities, logits, or max.
        dialect: Crop once, as another tool does: timm, torchvision, tf-slim or caffe.
        input_size: Side of the network's input in pixels (default: the weights').
        mean: Subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: the weights').
        std: Divides them then, such as 0.229,0.224,0.225 (default: the weights').
        label_order: What the outputs stand for: wordnet, background-first or ilsvrc; auto: by their number.
        data: A folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset
            shards ('val-{0000..0063}.tar'), parquet files (all also at s3://...), hf://NAME:SPLIT, or mini,
            which is included.
        labels: A file of lines 'NAME CLASS' (default: found in or beside the data).
        devkit: An ILSVRC devkit, folder or .tar.gz (default: found in or beside the data).
        blacklist: A devkit of 2014 or later, or a list (default: found in or beside the data).
        classes: The classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids
            (default: the set that the data's folders are, else all).
        limit: Evaluate only the first N images.
        shuffle_seed: With --limit: draw the images with this seed.
        device: cpu, cuda, cuda:1 or mps; auto: the first that is available.
        precision: fp32, bf16 or fp16; auto: half precision where it pays and predicts the same, else fp32.
        batch: Crops classified at a time (default: 4 of 299 x 299 on a CPU, 256 elsewhere, scaled by area).
        workers: Threads that decode and render (default: one a core, at most 16).
        compile: Compile the network with torch.compile (default: on a GPU, for long evaluations, where it
            predicts the same).
        renderer: triton (on a GPU), tensor (anywhere) or pillow (the reference); auto: pillow for a dialect,
            else the first that works.
        out: The folder that runs are written to, also at s3://...
        fresh: Start anew where a run exists, instead of continuing it or using it again.
        verify: Read an earlier run's images again, and evaluate anew those replaced since.
        skip_unreadable: Leave out and list images that cannot be decoded, which else end the run.
        allow_implausible: Continue when labels and predictions agree no better than by chance.
        preprocessing: what a module expects of its input, where it has no `pretrained_cfg` that does: a
            `bench.zoo.preprocessing.Preprocessing`, or a dictionary as timm's `pretrained_cfg`
        progress: show how far it is, the speed and the error so far, and notes, on stderr or in the notebook;
            the other ranks of torchrun show nothing
        reporter: receives these in place of the display: an object with the methods of
            `bench.progress.Reporter`

    """
    arguments = locals()
    if isinstance(model, nn.Module):
        options = options_from(arguments | {"model": qualified_name(model)})
        with choose_reporter(progress, reporter) as shown:
            return evaluate_module(model, preprocessing, options, shown)
    if preprocessing is not None:
        raise UsageError(f"preprocessing is for a module: for {model} pass input_size, mean and std")
    options = options_from(arguments)
    if options.weights and Path(options.weights).is_dir():
        raise UsageError(
            f"{weights} is a folder: name one of its checkpoints, or evaluate all with the command eval"
        )
    with choose_reporter(progress, reporter) as shown:
        return run_evaluations([options], shown)[0]
