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
        model: a name that `inception-bench models` lists; timm/NAME, torchvision/NAME or pytorchcv/NAME, or
            NAME alone for the first of them that has it; hf-hub:ORG/NAME, a network of timm in a repository;
            FILE.py:FACTORY or PACKAGE.MODULE:FACTORY, a function of yours that returns a torch.nn.Module; or
            NET.onnx
        weights: a tag of the network's weights (default: the first one), a checkpoint (.safetensors, .pth,
            .pt, .bin, .ckpt, .pth.tar, .caffemodel or .onnx), or a folder of checkpoints
        ema: evaluate the running average (EMA) of the weights that a checkpoint has, or the weights
            themselves (default: the average where it has one)
        crops: native, 1, 10, 12, 144, dense, a list of them, or scales x squares x positions x mirrors such
            as 2x1x5x2; `inception-bench protocols` says what they are; auto: native for public weights of
            timm, torchvision and pytorchcv, else 1
        scales: shorter sides in pixels, such as 320,352,384,416 (default: the paper's, scaled to the input)
        interpolation: bilinear or bicubic; auto: what the weights were made for
        pool: how crops become one prediction: mean of probabilities, logits, or max
        dialect: take the single crop as another tool does: timm, torchvision, tf-slim or caffe
        input_size: side of the network's input in pixels (default: what the weights say)
        mean: what is subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: as above)
        std: what divides them then, such as 0.229,0.224,0.225 (default: as above)
        label_order: what the outputs stand for: wordnet, background-first or ilsvrc; auto: by their number
        data: a folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset
            shards ('val-{0000..0063}.tar'), parquet files (all of these also at s3://...), hf://NAME:SPLIT,
            or mini, the set that is included
        labels: a label file with lines 'NAME CLASS' (default: found in or beside the data)
        devkit: an ILSVRC devkit, folder or .tar.gz (default: found in or beside the data)
        blacklist: a devkit of 2014 or later, or a plain list (default: found in or beside the data)
        classes: the classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids
            (default: all; a data set whose folders are exactly one of these sets is recognised)
        limit: evaluate only the first N images
        shuffle_seed: with --limit: draw the images with this seed
        device: cpu, cuda, cuda:1, mps; auto: the first that is available
        precision: fp32, bf16 or fp16; auto: fp32, or half precision where it pays and predicts the same (on a
            GPU fp16, for long evaluations on a processor that has it bf16)
        batch: crops classified at a time (default: 4 crops of 299 x 299 on a CPU, 256 elsewhere, scaled by
            area)
        workers: threads that decode and render (default: one for each core, at most 16)
        compile: compile the network with torch.compile (default: on a GPU, for long evaluations in half
            precision, where it predicts the same)
        renderer: triton (on a GPU, many images at once), tensor (anywhere) or pillow (the reference); auto:
            pillow for a dialect, else the first that works
        out: the folder that runs are written to, also at s3://...
        fresh: start anew where a run exists (a run knows its images by name, size and label)
        verify: read the images of an earlier run again, and evaluate anew those that were replaced since
        skip_unreadable: leave out images that cannot be decoded, and list them; otherwise they end the run
        allow_implausible: continue when labels and predictions agree no better than by chance
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
