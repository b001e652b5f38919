"""What the measurements on a GPU share: a table, images, networks with weights, evaluations of them.

They need torch, torchvision, timm, triton, pytorchcv (for Inception-ResNet-v1), simplejpeg, universal-pathlib
with pathlib-abc, xxhash, msgspec, filelock, safetensors, scipy, pandas, jinja2, rich and typer. Nothing is
fetched from the network.
"""

import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from bench.data import Images, open_images
from bench.data.decode import decode
from bench.evaluation.classify import normalise
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.precision import HALF
from bench.evaluation.prepare import check_options, prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import LoadedNetwork, load, untrained
from benchmarks.links import link_images

MINI = {"v3": "mini-v3", "v4": "mini-v4", "ir-v2": "mini-ir-v2", "ir-v1": "mini-v1", "v1": "mini-v1"}
"""The network that stands for another one with `--short`."""

Data = Annotated[str | None, typer.Option(help="Photographs in folders by WordNet id.")]
Weights = Annotated[str | None, typer.Option(help="Weights of v3. Without them, and of all others, random.")]
Device = Annotated[str, typer.Option(help="cuda or cpu.")]
Short = Annotated[
    bool, typer.Option("--short", help="A few images of the mini set and the mini networks, in seconds.")
]


@dataclass
class Table:
    """What was measured, and what was expected."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    wrong: bool = False
    """Whether something is not as expected."""

    def add(self, what: str, measured: str, expected: str = "-", right: bool | None = None) -> None:
        """Add a row. `right` is None for what is neither right nor wrong."""
        self.wrong |= right is False
        self.rows.append((what, measured, expected, {None: "", True: "right", False: "WRONG"}[right]))
        print(" | ".join(self.rows[-1]), file=sys.stderr, flush=True)  # it may be stopped before the end

    def skip(self, what: str, reason: str) -> None:
        """Add a row for what was not measured."""
        self.add(what, f"skipped: {reason}")

    def attempt(self, what: str, measure: Callable[..., None], *arguments: Any) -> None:
        """Call `measure`, which adds its own rows. Whatever it raises becomes one: the others go on."""
        try:
            measure(*arguments)
        except Exception as error:  # noqa: BLE001 - one failure must not cost what a session measures
            traceback.print_exc()
            lines = str(error).splitlines() or [""]
            self.add(what, f"{type(error).__name__}: {lines[0]}", "no error", False)

    def end(self) -> None:
        """Print the table. Raises `typer.Exit` with 1 where something is wrong."""
        heading = ("what", "measured", "expected", "")
        cells = [[cell.replace("|", "/") for cell in row] for row in (heading, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        cells.insert(1, ["-" * width for width in widths])
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(f"| {' | '.join(padded)} |")
        if self.wrong:
            raise typer.Exit(1)


FEW = 21
"""Most images with `--short`: two shards of 144 crops."""


@dataclass(frozen=True)
class Session:
    """The images and networks of one of the commands."""

    folder: Path
    """For what is made on the way."""
    data: str | None
    """Photographs; None for the mini set."""
    weights: str | None
    """Those of v3."""
    device: str
    short: bool

    @property
    def on_gpu(self) -> bool:
        """Whether it is about a GPU."""
        return self.device.startswith("cuda")

    @property
    def half(self) -> str:
        """The name of half precision on the device."""
        return HALF[self.device.partition(":")[0]]

    def model(self, name: str) -> str:
        """The network `name`, or the one that stands for it."""
        return MINI[name] if self.short else name

    def options(self, name: str, images: int, **changes: Any) -> Options:
        """Evaluate so many images, with `--short` a few, with that network; `changes` are other options."""
        source: dict[str, Any] = {"data": "mini", "limit": min(images, FEW)}
        if not self.short:
            source = {"data": self._links(images), "weights": self._weights(name)}
        usual = {"model": self.model(name), "device": self.device, "allow_implausible": True}
        return Options(**usual | source | changes)

    def evaluation(self, name: str, images: int, **changes: Any) -> Evaluation:
        """As `options`, ready to run."""
        options = self.options(name, images, **changes)
        check_options(options)
        found = open_images(options.data).sample(options.limit, None)
        return prepare_loaded(options, found, None, _load(options.model, options.weights), Silent())

    def _links(self, images: int) -> str:
        assert self.data
        folder = self.folder / f"{images}-images"
        if not folder.exists():
            link_images(self.data, folder, images)
        return str(folder)

    def _weights(self, name: str) -> str:
        if name == "v3" and self.weights:
            return self.weights
        assert self.data
        path = self.folder / f"{name}.safetensors"
        if not path.exists():
            write_calibrated(name, open_images(self.data), path, self.device)
        return str(path)


@contextmanager
def session(data: str | None, weights: str | None, device: str, short: bool) -> Iterator[Session]:
    """The session with these options of the command line. Raises `typer.BadParameter`."""
    if not short and not data:
        raise typer.BadParameter("pass --data FOLDER, or --short")
    with tempfile.TemporaryDirectory() as folder:
        yield Session(Path(folder), data, weights, device, short)


def write_calibrated(name: str, images: Images, path: Path, device: str) -> None:
    """Write random weights of a network whose batch normalisations know the statistics of the images: with
    others, half precision overflows.
    """
    torch.manual_seed(0)
    network = untrained(name)
    module = network.module.to(device)
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.reset_running_stats()
            norm.momentum = None  # the plain average of what it sees
    with torch.no_grad():
        module.train()(first_images(images, network, 32).to(device))
    save_file({name: value.cpu().contiguous() for name, value in module.state_dict().items()}, path)


def first_images(images: Images, network: LoadedNetwork, number: int) -> Tensor:
    """[n x 3 x height x width] the first images, squeezed to the network's input and normalised."""
    size = network.preprocessing.size
    squeezed = [
        np.asarray(Image.fromarray(decode(images.read(i))).resize((size, size)))
        for i in islice(range(len(images)), number)
    ]
    levels = torch.from_numpy(np.stack(squeezed)).permute(0, 3, 1, 2)
    return normalise(levels, network.preprocessing.normalisation)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@lru_cache
def _load(name: str, weights: str | None) -> LoadedNetwork:
    return load(name, weights)
