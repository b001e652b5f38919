"""Every option of an evaluation: its meaning and its default, once, for the command line and for Python."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from results.storage import place


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


PLACES = ("labels", "devkit", "blacklist", "out")
"""Options that are files or folders, here or of an object store."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to evaluate, how, and where the run goes."""

    model: str = _option(
        "mini-v3",
        "a name that `inception-bench models` lists, or timm/NAME, torchvision/NAME, pytorchcv/NAME",
    )
    weights: str | None = _option(
        None,
        "a tag of the network's weights (by default the first), a .safetensors, .pth or .pt file, or a folder of checkpoints",
    )
    crops: str = _option(
        "1",
        "1, 10, 12, 144, dense, a list of them, or scales x squares x positions x mirrors such as 2x1x5x2",
    )
    scales: str | None = _option(
        None,
        "shorter sides in pixels, such as 320,352,384,416; by default the paper's, in ratio to the input",
    )
    interpolation: str = _option("auto", "bilinear or bicubic; auto is what the weights were made for")
    pool: str = _option("mean", "how crops become one prediction: mean of probabilities, logits, or max")
    dialect: str = _option(
        "paper", "the single crop as another tool takes it: timm, torchvision, tf-slim or caffe"
    )
    label_order: str = _option(
        "auto", "what the outputs are: wordnet, background-first or ilsvrc; auto tells by their number"
    )
    data: str = _option(
        "mini",
        "a folder of WordNet-id folders, a flat folder or a .tar (s3://..., too), hf://NAME:SPLIT, or mini, which comes along",
    )
    labels: Path | None = _option(
        None, "a label file, lines of 'NAME CLASS'; found in or beside the data by default"
    )
    devkit: Path | None = _option(
        None, "an ILSVRC devkit, folder or .tar.gz; found in or beside the data by default"
    )
    blacklist: Path | None = _option(
        None, "a devkit of 2014 or later, or a plain list; found in or beside the data by default"
    )
    limit: int | None = _option(None, "only this many images, the first ones")
    shuffle_seed: int | None = _option(None, "draw the images of --limit with this seed")
    device: str = _option("auto", "cpu, cuda, cuda:1, mps; auto takes the first there is")
    precision: str = _option(
        "auto",
        "fp32, bf16 or fp16; auto is fp32, on a GPU fp16 where it predicts as fp32 on 99.9 % of images",
    )
    batch: int | None = _option(
        None, "crops in a batch; by default as many as 4 of 299 x 299 on a CPU and 256 elsewhere"
    )
    workers: int | None = _option(
        None, "threads that decode and render; by default as many as there are cores, 16 at most"
    )
    compile: bool = _option(False, "compile the network with torch.compile")
    renderer: str = _option(
        "auto", "tensor (fast) or pillow (the reference); auto is pillow for a dialect, else tensor"
    )
    out: Path = _option(Path("runs"), "the folder that runs go to, here or at s3://...")
    fresh: bool = _option(
        False, "start anew where there is a run already (which knows its images by name, size and label)"
    )
    skip_unreadable: bool = _option(
        False, "leave out images that cannot be decoded, and list them; otherwise they end the run"
    )
    allow_implausible: bool = _option(
        False, "go on when labels and predictions agree no better than by chance"
    )

    def __post_init__(self) -> None:
        """Take what Python callers would naturally write: paths as text, crops as a number, scales as a list."""
        for name in PLACES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, place(value))
        for name in ("data", "weights", "crops"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, str(value))
        if self.scales is not None and not isinstance(self.scales, str):
            object.__setattr__(self, "scales", ",".join(map(str, self.scales)))

    def given(self) -> dict[str, Any]:
        """The options that are not at their defaults, as plain values."""
        values = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if getattr(self, item.name) != item.default
        }
        return {name: str(value) if name in PLACES else value for name, value in values.items()}
