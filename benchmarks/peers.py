"""The same crops of the same images through the same network: this project against what people use else.

    python benchmarks/peers.py --data FOLDER --model timm/tf_efficientnet_lite0 --weights lite0.safetensors

FOLDER has a folder for each WordNet id. The peers are timm's evaluation loader and loop (1 crop), torchvision's TenCrop in
a DataLoader (10), and the loop that one writes with Pillow (144). All have as many threads or processes as there are
cores, the same precision and batch, channels-last; the peers' workers are kept between rounds. Printed is how many times as
long the peer takes, with the network replaced by one that does nothing and with the network, and on how many images both
predict the same.
"""

import copy
import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image, ImageOps
from timing import in_turns, ratio
from timm.data import create_dataset, create_loader
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import normalize, to_tensor

from bench.data import Images, open_images
from bench.device import PRECISIONS
from bench.evaluation import engine
from bench.evaluation.prepare import Setup, set_up
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import load

Predictions = Callable[[], Tensor]


def _scales(setup: Setup) -> list[int]:
    return sorted({view.scale for view in setup.plan.views})  # type: ignore[union-attr]


def _how(setup: Setup) -> dict[str, Any]:
    """Where and in which form a network and its input are."""
    return {
        "device": setup.runtime.device,
        "dtype": PRECISIONS[setup.runtime.precision],
        "memory_format": torch.channels_last,
    }


class Nothing(nn.Module):
    """A network that does nothing, for images of any size."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 1000, device=images.device)


def ours(setup: Setup, images: Images, *, nothing: bool) -> Predictions:
    """From files to shards on disk, as an evaluation does it."""
    network = replace(setup.network, module=Nothing()) if nothing else setup.network
    scorer = replace(setup, network=network).scorer(Silent().note)
    render, name = setup.renderer(), setup.plan.names[-1]
    step = engine.shard_size(setup.plan)
    parts = [range(start, min(start + step, len(images))) for start in range(0, len(images), step)]

    def run() -> Tensor:
        made = engine.shards(
            images, parts, setup.plan, render, [scorer],
            runtime=setup.runtime, skip_unreadable=False, progress=Silent().advance,
        )  # fmt: skip
        predicted = []
        with tempfile.TemporaryDirectory() as folder:
            for (shard,) in made:
                shard.save(Path(folder), "peers")
                predicted.append(shard.probabilities[name].argmax(axis=1))
        return torch.from_numpy(np.concatenate(predicted))

    return run


def by_timm(setup: Setup, module: nn.Module, images: Images) -> Predictions:
    """Timm's validate.py: its loader, and a loop with cross-entropy, top-1 and top-5."""
    expected, runtime, scales, how = setup.network.preprocessing, setup.runtime, _scales(setup), _how(setup)
    loader = create_loader(
        create_dataset("", root=images.path), input_size=(3, expected.size, expected.size), batch_size=runtime.batch,
        interpolation=expected.interpolation, mean=expected.normalisation.mean, std=expected.normalisation.std,
        crop_pct=expected.size / scales[0], num_workers=runtime.workers, persistent_workers=True,
        use_prefetcher=runtime.device.type == "cuda", device=runtime.device,
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss()

    @torch.inference_mode()
    def run() -> Tensor:
        predicted = []
        for pixels, targets in loader:
            output = module(pixels.to(**how))
            criterion(output, targets.to(runtime.device)).item()
            predicted.append(output.topk(5).indices[:, 0])
        return torch.cat(predicted).cpu()

    return run


def by_tencrop(setup: Setup, module: nn.Module, images: Images) -> Predictions:
    """TenCrop as torchvision's documentation uses it, on the centre square."""
    expected, runtime, scales, how = setup.network.preprocessing, setup.runtime, _scales(setup), _how(setup)
    normal = transforms.Normalize(expected.normalisation.mean, expected.normalisation.std)
    mode = transforms.InterpolationMode(expected.interpolation)
    transform = transforms.Compose([
        transforms.Resize(scales[0], mode), transforms.CenterCrop(scales[0]), transforms.TenCrop(expected.size),
        transforms.Lambda(lambda crops: torch.stack([normal(to_tensor(crop)) for crop in crops])),
    ])  # fmt: skip
    loader = DataLoader(
        ImageFolder(images.path, transform),
        max(1, runtime.batch // 10),
        num_workers=runtime.workers,
        persistent_workers=True,
    )

    @torch.inference_mode()
    def run() -> Tensor:
        predicted = []
        for pixels, _ in loader:
            output = module(pixels.flatten(0, 1).to(**how)).softmax(-1)
            predicted.append(output.view(len(pixels), 10, -1).mean(1).argmax(-1))
        return torch.cat(predicted).cpu()

    return run


def by_pillow(setup: Setup, module: nn.Module, images: Images) -> Predictions:
    """GoogLeNet's 144 crops, one after the other."""
    expected, runtime, scales, how = setup.network.preprocessing, setup.runtime, _scales(setup), _how(setup)
    size, resample = expected.size, Image.Resampling[expected.interpolation.upper()]

    def crops(image: Image.Image) -> list[Image.Image]:
        made = []
        for scale in scales:
            width, height = image.size
            short = min(width, height)
            resized = image.resize((scale * width // short, scale * height // short), resample)
            right, bottom = resized.width - scale, resized.height - scale
            for left, top in [(0, 0), (right // 2, bottom // 2), (right, bottom)]:
                square = resized.crop((left, top, left + scale, top + scale))
                end, middle = scale - size, (scale - size) // 2
                corners = [(0, 0), (end, 0), (0, end), (end, end), (middle, middle)]
                views = [square.crop((x, y, x + size, y + size)) for x, y in corners] + [
                    square.resize((size, size), resample)
                ]
                made += views + [ImageOps.mirror(view) for view in views]
        return made

    @torch.inference_mode()
    def run() -> Tensor:
        predicted = []
        for i in range(len(images)):
            with Image.open(io.BytesIO(images.read(i))) as image:
                views = crops(image.convert("RGB"))
            pixels = torch.stack(
                [
                    normalize(to_tensor(view), expected.normalisation.mean, expected.normalisation.std)
                    for view in views
                ]
            )
            output = [module(part.to(**how)).softmax(-1) for part in pixels.split(runtime.batch)]
            predicted.append(torch.cat(output).mean(0).argmax())
        return torch.stack(predicted).cpu()

    return run


PEERS: dict[str, tuple[str, Callable[..., Predictions]]] = {
    "1": ("timm's loader and loop", by_timm),
    "10": ("TenCrop in a DataLoader", by_tencrop),
    "144": ("a loop with Pillow", by_pillow),
}


def main(
    data: Annotated[str, typer.Option(help="Images in folders by WordNet id.")],
    model: Annotated[str, typer.Option(help="A network of this project.")] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    few: Annotated[
        int, typer.Option(help="Images for 144 crops with the network; all in the other cases.")
    ] = 10,
) -> None:
    """Print the ratios as a Markdown table."""
    network = load(model, weights)
    everything = open_images(data)
    print("| crops | against | the pipeline alone | with the network | same top-1 |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for protocol, (name, peer) in PEERS.items():
        setup = set_up(
            Options(model=model, crops=protocol, data=data, device=device, precision=precision), network
        )
        module = copy.deepcopy(network.module).to(**_how(setup))
        images = everything.sample(few if protocol == "144" else None, None)
        alone = in_turns(
            {"ours": ours(setup, everything, nothing=True), "peer": peer(setup, Nothing(), everything)},
            rounds,
        )
        whole = {"ours": ours(setup, images, nothing=False), "peer": peer(setup, module, images)}
        same = int((whole["ours"]() == whole["peer"]()).sum())
        both = in_turns(whole, rounds)
        ratios = [ratio(seconds["peer"], seconds["ours"]) for seconds in (alone, both)]
        print(
            f"| {protocol} | {name} | {ratios[0]} | {ratios[1]} | {same:,} of {len(images):,} |", flush=True
        )


if __name__ == "__main__":
    typer.run(main)
