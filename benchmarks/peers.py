"""The same crops of the same images through the same network: this project against the usual alternatives.

    python benchmarks/peers.py --data FOLDER --model timm/tf_efficientnet_lite0 --weights lite0.safetensors

FOLDER has a folder for each WordNet id. The alternatives, called peers here, are timm's loader and evaluation
loop for 1 crop, torchvision's TenCrop in a DataLoader for 10, and a plain loop with Pillow for 144.

A fast machine needs many images: at least four batches for each of timm's processes, else a few of them do
all the work. On a GPU with 16 cores:

    python benchmarks/links.py --data FOLDER --out many --images 20000
    python benchmarks/peers.py --data many --model v3 --weights v3.safetensors --device cuda \
        --precision fp16 --protocol 1 --limit 16384 --rounds 3
    python benchmarks/peers.py --data many --model v3 --weights v3.safetensors --device cuda \
        --precision fp16 --protocol 144 --limit 200 --few 200 --rounds 3

Both sides have the same precision, batch and memory format (channels-last). Each has as many threads or
processes as there are cores, and the peers' processes stay alive between rounds.

It prints how many times as long the peer takes: with a network that does nothing, and with the real one. The
last column counts the images on which both predict the same.
"""

import copy
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image, ImageOps
from timing import format_ratio, time_interleaved
from timm.data import create_dataset, create_loader
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import normalize, to_tensor

from bench.data import Images, open_images
from bench.device import PRECISIONS
from bench.evaluation.evaluation import Evaluation, build_pipeline
from bench.evaluation.prepare import check_options, prepare_loaded
from bench.options import Options
from bench.progress import Silent
from bench.zoo.loading import LoadedNetwork, load

Predict = Callable[[], Tensor]
"""Evaluates all images, and returns the predicted class index of each, [n]."""


class Nothing(nn.Module):
    """A network that does nothing, for images of any size."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 1000, device=images.device)


def predict_by_this_project(evaluation: Evaluation) -> Predict:
    """From files to shards on disk, as `eval` does it."""
    pipeline = build_pipeline([evaluation], [evaluation.scorer()])
    images, step = len(evaluation.images), evaluation.shard_images
    parts = [range(start, min(start + step, images)) for start in range(0, images, step)]
    protocol = evaluation.plan.names[-1]

    def predict() -> Tensor:
        predicted = []
        with tempfile.TemporaryDirectory() as folder:
            for (shard,) in pipeline.shards(parts):
                shard.save(Path(folder), evaluation.identity)
                predicted.append(shard.probabilities[protocol].argmax(axis=1))
        return torch.from_numpy(np.concatenate(predicted))

    return predict


@dataclass(frozen=True)
class Setting:
    """What a peer needs to know of an evaluation, so that it does the same."""

    images: Images
    size: int
    """Side of the network's input in pixels."""
    scales: list[int]
    """Shorter sides of the resized images in pixels, the smallest first."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    batch: int
    """Crops."""
    workers: int
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def of(cls, evaluation: Evaluation) -> "Setting":
        runtime, plan = evaluation.runtime, evaluation.plan
        normalisation = evaluation.network.preprocessing.normalisation
        return cls(
            images=evaluation.images,
            size=plan.size,
            scales=sorted({view.scale for view in plan.views}),
            mean=normalisation.mean,
            std=normalisation.std,
            interpolation=plan.interpolation,
            batch=runtime.batch,
            workers=runtime.workers,
            device=runtime.device,
            dtype=PRECISIONS[runtime.precision],
        )

    @property
    def form(self) -> dict[str, Any]:
        """Device, precision and memory format, as `Tensor.to` and `Module.to` take them."""
        return {"device": self.device, "dtype": self.dtype, "memory_format": torch.channels_last}


def predict_by_timm(setting: Setting, module: nn.Module) -> Predict:
    """The single crop as timm's validate.py does it: its loader, and a loop with loss, top-1 and top-5."""
    dataset = create_dataset("", root=setting.images.path)
    dataset.reader.samples = sorted(dataset.reader.samples)[: len(setting.images)]
    loader = create_loader(
        dataset,
        input_size=(3, setting.size, setting.size),
        batch_size=setting.batch,
        interpolation=setting.interpolation,
        mean=setting.mean,
        std=setting.std,
        crop_pct=setting.size / setting.scales[0],
        num_workers=setting.workers,
        persistent_workers=True,
        use_prefetcher=setting.device.type == "cuda",
        img_dtype=setting.dtype,
        device=setting.device,
    )
    criterion = nn.CrossEntropyLoss()

    @torch.inference_mode()
    def predict() -> Tensor:
        predicted = []
        for pixels, targets in loader:
            output = module(pixels.to(**setting.form))
            criterion(output, targets.to(setting.device)).item()
            predicted.append(output.topk(5).indices[:, 0])
        return torch.cat(predicted).cpu()

    return predict


def predict_by_tencrop(setting: Setting, module: nn.Module) -> Predict:
    """TenCrop as torchvision's documentation uses it, on the central square."""
    scale = setting.scales[0]
    normalise = transforms.Normalize(setting.mean, setting.std)
    transform = transforms.Compose([
        transforms.Resize(scale, transforms.InterpolationMode(setting.interpolation)),
        transforms.CenterCrop(scale),
        transforms.TenCrop(setting.size),
        transforms.Lambda(lambda crops: torch.stack([normalise(to_tensor(crop)) for crop in crops])),
    ])  # fmt: skip
    loader = DataLoader(
        Subset(ImageFolder(setting.images.path, transform), range(len(setting.images))),
        batch_size=max(1, setting.batch // 10),
        num_workers=setting.workers,
        persistent_workers=True,
    )

    @torch.inference_mode()
    def predict() -> Tensor:
        predicted = []
        for pixels, _ in loader:
            output = module(pixels.flatten(0, 1).to(**setting.form)).softmax(-1)
            predicted.append(output.view(len(pixels), 10, -1).mean(1).argmax(-1))
        return torch.cat(predicted).cpu()

    return predict


def predict_by_pillow(setting: Setting, module: nn.Module) -> Predict:
    """GoogLeNet's 144 crops (section 7), one image after the other."""

    @torch.inference_mode()
    def predict() -> Tensor:
        predicted = []
        for i in range(len(setting.images)):
            with Image.open(io.BytesIO(setting.images.read(i))) as image:
                crops = cut_144_crops(image.convert("RGB"), setting)
            pixels = torch.stack([normalize(to_tensor(crop), setting.mean, setting.std) for crop in crops])
            batches = pixels.split(setting.batch)
            output = [module(batch.to(**setting.form)).softmax(-1) for batch in batches]
            predicted.append(torch.cat(output).mean(0).argmax())
        return torch.stack(predicted).cpu()

    return predict


def cut_144_crops(image: Image.Image, setting: Setting) -> list[Image.Image]:
    """The crops of the four scales, three squares and six positions, with their mirror images."""
    size, resample = setting.size, Image.Resampling[setting.interpolation.upper()]
    shorter = min(image.size)
    crops = []
    for scale in setting.scales:
        resized = image.resize((scale * image.width // shorter, scale * image.height // shorter), resample)
        right, bottom = resized.width - scale, resized.height - scale
        end, middle = scale - size, (scale - size) // 2
        for left, top in [(0, 0), (right // 2, bottom // 2), (right, bottom)]:
            square = resized.crop((left, top, left + scale, top + scale))
            positions = [(0, 0), (end, 0), (0, end), (end, end), (middle, middle)]
            views = [square.crop((x, y, x + size, y + size)) for x, y in positions]
            views.append(square.resize((size, size), resample))
            crops += views + [ImageOps.mirror(view) for view in views]
    return crops


PEERS: dict[str, tuple[str, Callable[[Setting, nn.Module], Predict]]] = {
    "1": ("timm's loader and loop", predict_by_timm),
    "10": ("TenCrop in a DataLoader", predict_by_tencrop),
    "144": ("a loop with Pillow", predict_by_pillow),
}
"""The peer of each protocol, by name."""


def main(
    data: Annotated[str, typer.Option(help="Images in folders by WordNet id.")],
    model: Annotated[str, typer.Option(help="A network, as eval takes it.")] = "timm/tf_efficientnet_lite0",
    weights: Annotated[str | None, typer.Option(help="Its weights.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, in each of which everything runs once.")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    limit: Annotated[int | None, typer.Option(help="Use only the first N images.")] = None,
    few: Annotated[
        int, typer.Option(help="Images for 144 crops with the real network. All others use all images.")
    ] = 10,
    protocol: Annotated[
        list[str] | None, typer.Option(help="1, 10 or 144, also several times. Without it, all of them.")
    ] = None,
) -> None:
    """Print the ratios as a Markdown table."""
    network, images = load(model, weights), open_images(data).sample(limit, None)
    print("| crops | against | the pipeline alone | with the network | same top-1 |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for crops in protocol or PEERS:
        name, predict_by_peer = PEERS[crops]
        options = Options(model=model, crops=crops, data=data, device=device, precision=precision)
        number = few if crops == "144" else None
        check_options(options)
        nothing = replace(network, module=Nothing())
        ratio_alone = time_ratio(both_ways(options, images, nothing, predict_by_peer), rounds)
        whole = both_ways(options, images.sample(number, None), network, predict_by_peer)
        same, count = count_same(whole)
        ratio = time_ratio(whole, rounds)
        print(f"| {crops} | {name} | {ratio_alone} | {ratio} | {same:,} of {count:,} |", flush=True)


def both_ways(
    options: Options,
    images: Images,
    network: LoadedNetwork,
    predict_by_peer: Callable[[Setting, nn.Module], Predict],
) -> dict[str, Predict]:
    """How this project and how the peer predicts the classes of the images, with the same network."""
    evaluation = prepare_loaded(options, images, None, network, Silent())
    setting = Setting.of(evaluation)
    module = copy.deepcopy(network.module).to(**setting.form)
    return {
        "this project": predict_by_this_project(evaluation),
        "peer": predict_by_peer(setting, module),
    }


def count_same(both: dict[str, Predict]) -> tuple[int, int]:
    """On how many images both predict the same, and the number of images."""
    ours, theirs = both["this project"](), both["peer"]()
    return int((ours == theirs).sum()), len(ours)


def time_ratio(both: dict[str, Predict], rounds: int) -> str:
    """How many times as long the peer takes."""
    seconds = time_interleaved(both, rounds)
    return format_ratio(seconds["peer"], seconds["this project"])


if __name__ == "__main__":
    typer.run(main)
