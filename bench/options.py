"""Every option of an evaluation: its meaning and its default, for the command line and for Python.

The functions in `bench.python` write them out again for editors and `help`; a test holds them to these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from results.storage import parse_path

NETWORK, PROTOCOL, DATA, MACHINE, OUTPUT = PANELS = ("Network", "Protocol", "Data", "Machine", "Output")
"""The parts of `--help`, in their order."""


def _option(default: Any, panel: str, metavar: str, meaning: str) -> Any:
    return field(default=default, metadata={"panel": panel, "metavar": metavar, "help": meaning})


PLACES = ("labels", "devkit", "blacklist", "out")
"""Options that are files or folders, here or of an object store."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to evaluate, how, and where the run goes. In each panel the options in most use come first.

    >>> Options(model="v3", crops=144).crops
    '144'
    """

    model: str = _option(
        "mini-v3",
        NETWORK,
        "NAME",
        "A name of `inception-bench models`; timm/NAME, torchvision/NAME, pytorchcv/NAME, or NAME of the "
        "first that has it; hf-hub:ORG/NAME; NET.onnx; FILE.py:FACTORY or PACKAGE.MODULE:FACTORY.",
    )
    weights: str | None = _option(
        None,
        NETWORK,
        "TAG",
        "A tag of the network's weights (default: the first), a checkpoint (.safetensors, .pth, .pt, .bin, "
        ".ckpt, .pth.tar, .caffemodel, .onnx), or a folder of checkpoints.",
    )
    ema: bool | None = _option(
        None,
        NETWORK,
        "",
        "The running average (EMA) of the weights in a checkpoint, or the weights themselves (default: the "
        "average if there is one).",
    )
    input_size: int | None = _option(
        None, NETWORK, "N", "Side of the network's input in pixels (default: the weights')."
    )
    mean: str | None = _option(
        None,
        NETWORK,
        "LEVELS",
        "Subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: the weights').",
    )
    std: str | None = _option(
        None, NETWORK, "LEVELS", "Divides them then, such as 0.229,0.224,0.225 (default: the weights')."
    )
    label_order: str = _option(
        "auto",
        NETWORK,
        "NAME",
        "What the outputs stand for: wordnet, background-first or ilsvrc; auto: by their number.",
    )
    crops: str = _option(
        "auto",
        PROTOCOL,
        "NAMES",
        "native, 1, 10, 12, 144, dense, a list of them, or a lattice such as 2x1x5x2 "
        "(see `inception-bench protocols`); auto: native for public weights, else 1.",
    )
    scales: str | None = _option(
        None, PROTOCOL, "SIDES", "Shorter sides in pixels, such as 320,352,384,416 (default: the paper's)."
    )
    interpolation: str = _option(
        "auto", PROTOCOL, "NAME", "bilinear or bicubic; auto: what the weights were made for."
    )
    pool: str = _option(
        "mean", PROTOCOL, "NAME", "How crops become one prediction: mean of probabilities, logits, or max."
    )
    dialect: str = _option(
        "paper", PROTOCOL, "NAME", "Crop once, as another tool does: timm, torchvision, tf-slim or caffe."
    )
    data: str = _option(
        "mini",
        DATA,
        "PLACE",
        "A folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset "
        "shards ('val-{0000..0063}.tar'), parquet files (all also at s3://...), hf://NAME:SPLIT, or "
        "mini, which is included.",
    )
    labels: Path | None = _option(
        None, DATA, "PATH", "A file of lines 'NAME CLASS' (default: found in or beside the data)."
    )
    devkit: Path | None = _option(
        None, DATA, "PATH", "An ILSVRC devkit, folder or .tar.gz (default: found in or beside the data)."
    )
    blacklist: Path | None = _option(
        None, DATA, "PATH", "A devkit of 2014 or later, or a list (default: found in or beside the data)."
    )
    classes: str | None = _option(
        None,
        DATA,
        "SET",
        "The classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids (default: "
        "the set that the data's folders are, else all).",
    )
    limit: int | None = _option(None, DATA, "N", "Evaluate only the first N images.")
    shuffle_seed: int | None = _option(None, DATA, "N", "With --limit: draw the images with this seed.")
    skip_unreadable: bool = _option(
        False, DATA, "", "Leave out and list images that cannot be decoded, which else end the run."
    )
    allow_implausible: bool = _option(
        False, DATA, "", "Continue when labels and predictions agree no better than by chance."
    )
    device: str = _option(
        "auto", MACHINE, "NAME", "cpu, cuda, cuda:1 or mps; auto: the first that is available."
    )
    precision: str = _option(
        "auto",
        MACHINE,
        "NAME",
        "fp32, bf16 or fp16; auto: half precision where it pays and predicts the same, else fp32.",
    )
    batch: int | None = _option(
        None,
        MACHINE,
        "N",
        "Crops classified at a time (default: 4 of 299 x 299 on a CPU, 256 elsewhere, scaled by area).",
    )
    workers: int | None = _option(
        None, MACHINE, "N", "Threads that decode and render (default: one a core, at most 16)."
    )
    compile: bool | None = _option(
        None,
        MACHINE,
        "",
        "Compile the network with torch.compile (default: on a GPU, for long evaluations, where it predicts "
        "the same).",
    )
    renderer: str = _option(
        "auto",
        MACHINE,
        "NAME",
        "triton (on a GPU), tensor (anywhere) or pillow (the reference); auto: pillow for a dialect, else "
        "the first that works.",
    )
    out: Path = _option(Path("runs"), OUTPUT, "PATH", "The folder that runs are written to, also at s3://...")
    fresh: bool = _option(
        False, OUTPUT, "", "Start anew where a run exists, instead of continuing it or using it again."
    )
    verify: bool = _option(
        False, OUTPUT, "", "Read an earlier run's images again, and evaluate anew those replaced since."
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
