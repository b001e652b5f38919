"""Every option of an evaluation: its meaning and its default, for the command line and for Python.

The functions in `bench.python` write them out again for editors and `help`; a test holds them to these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from results.storage import parse_path


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


PLACES = ("labels", "devkit", "blacklist", "out")
"""Options that are files or folders, here or of an object store."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to evaluate, how, and where the run goes.

    >>> Options(model="v3", crops=144).crops
    '144'
    """

    model: str = _option(
        "mini-v3",
        "a name that `inception-bench models` lists; timm/NAME, torchvision/NAME or pytorchcv/NAME, or NAME "
        "alone for the first of them that has it; hf-hub:ORG/NAME, a network of timm in a repository; "
        "FILE.py:FACTORY or PACKAGE.MODULE:FACTORY, a function of yours that returns a torch.nn.Module; or "
        "NET.onnx",
    )
    weights: str | None = _option(
        None,
        "a tag of the network's weights (default: the first one), a checkpoint (.safetensors, .pth, .pt, "
        ".bin, .ckpt, .pth.tar, .caffemodel or .onnx), or a folder of checkpoints",
    )
    ema: bool | None = _option(
        None,
        "evaluate the running average (EMA) of the weights that a checkpoint has, or the weights themselves "
        "(default: the average where it has one)",
    )
    crops: str = _option(
        "auto",
        "native, 1, 10, 12, 144, dense, a list of them, or scales x squares x positions x mirrors such as "
        "2x1x5x2; `inception-bench protocols` says what they are; auto: native for public weights of timm, "
        "torchvision and pytorchcv, else 1",
    )
    scales: str | None = _option(
        None, "shorter sides in pixels, such as 320,352,384,416 (default: the paper's, scaled to the input)"
    )
    interpolation: str = _option("auto", "bilinear or bicubic; auto: what the weights were made for")
    pool: str = _option("mean", "how crops become one prediction: mean of probabilities, logits, or max")
    dialect: str = _option(
        "paper", "take the single crop as another tool does: timm, torchvision, tf-slim or caffe"
    )
    input_size: int | None = _option(
        None, "side of the network's input in pixels (default: what the weights say)"
    )
    mean: str | None = _option(
        None, "what is subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: as above)"
    )
    std: str | None = _option(None, "what divides them then, such as 0.229,0.224,0.225 (default: as above)")
    label_order: str = _option(
        "auto", "what the outputs stand for: wordnet, background-first or ilsvrc; auto: by their number"
    )
    data: str = _option(
        "mini",
        "a folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset "
        "shards ('val-{0000..0063}.tar'), parquet files (all of these also at s3://...), hf://NAME:SPLIT, or "
        "mini, the set that is included",
    )
    labels: Path | None = _option(
        None, "a label file with lines 'NAME CLASS' (default: found in or beside the data)"
    )
    devkit: Path | None = _option(
        None, "an ILSVRC devkit, folder or .tar.gz (default: found in or beside the data)"
    )
    blacklist: Path | None = _option(
        None, "a devkit of 2014 or later, or a plain list (default: found in or beside the data)"
    )
    classes: str | None = _option(
        None,
        "the classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids "
        "(default: all; a data set whose folders are exactly one of these sets is recognised)",
    )
    limit: int | None = _option(None, "evaluate only the first N images")
    shuffle_seed: int | None = _option(None, "with --limit: draw the images with this seed")
    device: str = _option("auto", "cpu, cuda, cuda:1, mps; auto: the first that is available")
    precision: str = _option(
        "auto",
        "fp32, bf16 or fp16; auto: fp32, or half precision where it pays and predicts the same (on a GPU "
        "fp16, for long evaluations on a processor that has it bf16)",
    )
    batch: int | None = _option(
        None,
        "crops classified at a time (default: 4 crops of 299 x 299 on a CPU, 256 elsewhere, scaled by area)",
    )
    workers: int | None = _option(
        None, "threads that decode and render (default: one for each core, at most 16)"
    )
    compile: bool | None = _option(
        None,
        "compile the network with torch.compile (default: on a GPU, for long evaluations in half precision, "
        "where it predicts the same)",
    )
    renderer: str = _option(
        "auto",
        "triton (on a GPU, many images at once), tensor (anywhere) or pillow (the reference); "
        "auto: pillow for a dialect, else the first that works",
    )
    out: Path = _option(Path("runs"), "the folder that runs are written to, also at s3://...")
    fresh: bool = _option(
        False, "start anew where a run exists (a run knows its images by name, size and label)"
    )
    verify: bool = _option(
        False,
        "read the images of an earlier run again, and evaluate anew those that were replaced since",
    )
    skip_unreadable: bool = _option(
        False, "leave out images that cannot be decoded, and list them; otherwise they end the run"
    )
    allow_implausible: bool = _option(
        False, "continue when labels and predictions agree no better than by chance"
    )

    def __post_init__(self) -> None:
        """Accept what Python callers would naturally write: paths as text, crops as a number, crops, scales
        and levels as a list.
        """
        for name in PLACES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, parse_path(value))
        for name in ("model", "data", "weights", "classes"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, str(value))
        for name in ("crops", "scales", "mean", "std"):
            value = getattr(self, name)
            if isinstance(value, Iterable) and not isinstance(value, str):
                object.__setattr__(self, name, ",".join(map(str, value)))
            elif value is not None:
                object.__setattr__(self, name, str(value))

    def changed(self) -> dict[str, Any]:
        """The options that are not at their defaults, as plain values.

        >>> Options(limit=100).changed()
        {'limit': 100}
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: str(value) if name in PLACES else value
            for name, value in values.items()
            if value != getattr(DEFAULTS, name)
        }


DEFAULTS = Options()
"""The options of a command without any."""
