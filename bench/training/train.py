"""Training by the papers' recipes, from timm's and torch's parts: one process, or several under torchrun.

    OUT/epoch-0001.safetensors   what is evaluated: the averaged parameters after each epoch
    OUT/log.csv                  a line an epoch: rate, loss, images, seconds
    OUT/state.pt                 what the next epoch starts from

What an epoch does depends on its number, the seed and the state before it alone: each image's patch is drawn from
(seed, epoch, image). So on a CPU a run that is killed and started again ends with the bits of one that was not; a GPU's
own sums are not ordered.
"""

import io
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from PIL import Image
from safetensors.torch import save
from timm.optim._optim_factory import create_optimizer_v2
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, DistributedSampler
from torchvision.transforms import v2

from bench.data import Images, open_images
from bench.data.decode import decode
from bench.data.file_names import shown
from bench.device import PRECISIONS, Runtime, resolve
from bench.errors import BenchError, UnreadableImage, UsageError
from bench.options import Options
from bench.progress import Reporter
from bench.training.recipes import Recipe
from bench.zoo import find
from bench.zoo.loading import provider_of
from bench.zoo.weights import AUXILIARY
from crops import Normalisation
from results.storage import write


@dataclass(frozen=True)
class Training:
    """What to train, on what and for how long. `batch` counts images on each device."""

    model: str
    recipe: Recipe
    data: str
    epochs: int
    out: Path
    batch: int = 32
    workers: int = 2
    device: str = "auto"
    precision: str = "auto"
    seed: int = 0


class Patches(Dataset[tuple[Tensor, int]]):
    """Random patches of the images, normalised (GoogLeNet, section 6), each drawn from (seed, epoch, image)."""

    def __init__(
        self, images: Images, size: int, normalisation: Normalisation, *, distort: bool, seed: int
    ) -> None:
        self.images, self.size, self.seed, self.epoch = images, size, seed, 0
        colours = (
            [v2.ColorJitter(brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2)] if distort else []
        )
        self.transform = v2.Compose([
            v2.RandomResizedCrop(size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), antialias=True),
            v2.RandomHorizontalFlip(),
            *colours,
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(normalisation.mean, normalisation.std),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """(patch, class index); for an image that cannot be read, (nothing, -1 - index), which crosses processes whole."""
        try:
            image = Image.fromarray(decode(self.images.read(index)))
        except (UnreadableImage, OSError):
            return torch.zeros(3, self.size, self.size), -1 - index
        devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
        with torch.random.fork_rng(devices):
            torch.manual_seed(hash((self.seed, self.epoch, index)))
            patch: Tensor = self.transform(image)
        return patch, int(self.images.labels[index])

    def check(self, labels: Tensor) -> None:
        """Raise `UnreadableImage` with the name of the first image of a batch that could not be read."""
        if int(labels.min()) < 0:
            index = -1 - int(labels.min())
            try:
                decode(self.images.read(index))
                reason = "it could not be read"
            except (UnreadableImage, OSError) as error:
                reason = str(error)
            raise UnreadableImage(
                f"{shown(self.images.ids[index])} in {self.images.path}: {reason}; repair or remove it"
            )


def train(training: Training, reporter: Reporter) -> Path | None:
    """Train, or go on training, and return the last checkpoint; None on the ranks of torchrun but the first.

    Under torchrun every rank calls this. Raises `UsageError` for what cannot be trained, and `BenchError` when an image
    cannot be read or the parameters are no longer finite.
    """
    with _ranks(training) as (rank, ranks, runtime):
        last = _train(training, reporter, rank, ranks, runtime)
        return last if rank == 0 else None


def _train(training: Training, reporter: Reporter, rank: int, ranks: int, runtime: Runtime) -> Path:
    recipe, network = training.recipe, find(training.model)
    provider = provider_of(network)
    images = open_images(training.data)
    if len(images) < training.batch * ranks:
        raise UsageError(
            f"{training.data} has {len(images):,} images, fewer than {ranks} x {training.batch}: pass a smaller --batch"
        )
    torch.manual_seed(training.seed)
    build = getattr(provider, "build_for_training", provider.build) if recipe.auxiliary else provider.build
    module = build(network.architecture, len(images.classes)).to(runtime.device)
    if recipe.auxiliary and not getattr(module, "auxiliary", None):
        raise UsageError(
            f"{training.model} has no auxiliary head, which the recipe trains: pass --without auxiliary"
        )
    expected = provider.preprocessing(network.architecture, next(iter(network.tags), ""))
    patches = Patches(
        images, expected.size, expected.normalisation, distort=recipe.distort, seed=training.seed
    )
    loader = _loader(patches, training, rank, ranks)
    learner = Learner(module, recipe, runtime, parallel=ranks > 1)
    told = _told(training, images, ranks, runtime)
    log = _resume(training.out, told, learner.parts)
    if rank == 0:
        write(training.out / "log.csv", _csv(log))  # a folder that cannot be written shows now
    for epoch in range(len(log), training.epochs):
        began, rate = time.monotonic(), learner.rate
        patches.epoch = epoch
        cast("DistributedSampler[Any]", loader.sampler).set_epoch(epoch)
        torch.manual_seed(hash((training.seed, epoch, rank)))  # of dropout
        total = learner.epoch(loader, patches, epoch)
        if ranks > 1:
            distributed.all_reduce(total)
        loss = float(total) / len(loader) / ranks
        if not math.isfinite(loss) or not all(
            parameter.isfinite().all() for parameter in module.parameters()
        ):
            raise BenchError(
                f"epoch {epoch + 1} ended with a loss of {loss} or broken parameters: pass a smaller --rate and another --out"
            )
        seen, seconds = len(loader) * training.batch * ranks, round(time.monotonic() - began, 3)
        log.append({"epoch": epoch + 1, "rate": rate, "loss": loss, "images": seen, "seconds": seconds})
        if rank == 0:
            _save(training.out, told, learner.parts, log, learner.evaluated)
            reporter.note(
                f"epoch {epoch + 1} of {training.epochs}: rate {rate:.5f}, loss {loss:.4f}, {seconds:.0f} s"
            )
    return _checkpoint(training.out, training.epochs)


def _loader(patches: Patches, training: Training, rank: int, ranks: int) -> DataLoader[tuple[Tensor, int]]:
    """Batches of this rank's share of each epoch's order. Workers are forked: a way to read images cannot be sent to another process."""
    sampler: DistributedSampler[Any] = DistributedSampler(
        patches, ranks, rank, shuffle=True, seed=training.seed, drop_last=True
    )
    context = "fork" if training.workers else None
    return DataLoader(
        patches,
        training.batch,
        sampler=sampler,
        num_workers=training.workers,
        drop_last=True,
        multiprocessing_context=context,
    )


class Learner:
    """A network with what a recipe trains it by; `parts` have the state that an epoch starts from."""

    def __init__(self, module: nn.Module, recipe: Recipe, runtime: Runtime, *, parallel: bool) -> None:
        self.module, self.recipe, self.runtime = module, recipe, runtime
        self.optimizer = optimizer_of(module, recipe)
        self.schedule = schedule_of(self.optimizer, recipe)
        self.average = average_of(module, recipe)
        self.scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.precision == "fp16")
        self.evaluated = self.average.module if self.average else module
        self.parts: dict[str, Any] = {
            "module": module,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }
        if self.average:
            self.parts["average"] = self.average.module
        self._parallel = DistributedDataParallel(module) if parallel else module

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def epoch(self, loader: DataLoader[tuple[Tensor, int]], patches: Patches, number: int) -> Tensor:
        """Train for an epoch, counted from 0; the sum of its steps' losses."""
        device, dtype = self.runtime.device, PRECISIONS[self.runtime.precision]
        self.module.train()
        total = torch.zeros((), device=device)
        for i, (inputs, labels) in enumerate(loader):
            patches.check(labels)
            total += step(
                self._parallel,
                inputs.to(device),
                labels.to(device),
                self.optimizer,
                self.scaler,
                self.recipe,
                dtype,
            )
            if self.average:
                self.average.update(self.module, step=number * len(loader) + i)
        self.schedule.step()
        return total


def optimizer_of(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer.

    RMSProp is timm's, which like TensorFlow's has epsilon under the root; decay 0.9 and epsilon 1.0 are the paper's,
    momentum 0.9 the released code's. SGD has GoogLeNet's momentum of 0.9.
    """
    options: dict[str, Any] = {"lr": recipe.rate, "momentum": 0.9, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "rmsprop":
        options |= {"opt": "rmsproptf", "alpha": 0.9, "eps": 1.0}
    else:
        options |= {"opt": "momentum"}
    return create_optimizer_v2(module, **options)


def schedule_of(optimizer: torch.optim.Optimizer, recipe: Recipe) -> StepLR:
    """The rate times the recipe's decay after every so many epochs."""
    return StepLR(optimizer, recipe.decay_epochs, recipe.decay)


def average_of(module: nn.Module, recipe: Recipe) -> ModelEmaV3 | None:
    """The running average of the parameters, timm's; its decay grows from 0 towards the recipe's as 1 - steps ** (-2/3)."""
    return ModelEmaV3(module, decay=recipe.average, use_warmup=True) if recipe.average else None


def loss_of(outputs: Any, labels: Tensor, recipe: Recipe) -> Tensor:
    """Cross-entropy with smoothed labels, and the auxiliary heads' times their weight."""
    main, sides = outputs if isinstance(outputs, tuple) else (outputs, [])
    losses = [
        nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
        for logits in (main, *sides)
    ]
    return losses[0] + recipe.auxiliary * torch.stack([torch.zeros_like(losses[0]), *losses[1:]]).sum()


def step(
    module: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    recipe: Recipe,
    dtype: torch.dtype,
) -> Tensor:
    """One step of gradient descent; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(inputs.device.type, dtype, enabled=dtype != torch.float32):
        loss = loss_of(module(inputs), labels, recipe)
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    if recipe.clip:
        scaler.unscale_(optimizer)
        clip_grad_norm_(module.parameters(), recipe.clip)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def _resume(out: Path, told: str, parts: dict[str, Any]) -> list[dict[str, float]]:
    """Load the state of a training that was begun in `out` into `parts`, and give back its log; empty for a new one."""
    path = out / "state.pt"
    if not path.exists():
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        same = state["training"] == told
        if same:
            for name, part in parts.items():
                part.load_state_dict(state[name])
        log: list[dict[str, float]] = state["log"]
    except Exception:  # noqa: BLE001 - a broken pickle can raise anything
        raise BenchError(
            f"{path} is damaged: take the last checkpoint beside it as it is, or begin in another --out"
        ) from None
    if not same:
        raise UsageError(
            f"{out} has another training ({state['training']}), not {told}: choose another --out"
        )
    return log


def _save(
    out: Path, told: str, parts: dict[str, Any], log: list[dict[str, float]], evaluated: nn.Module
) -> None:
    """The checkpoint first, the state last: what is there of an epoch that was cut off is written again.

    A checkpoint is for evaluation and leaves the auxiliary heads out; the state has them.
    """
    kept = {name: value for name, value in evaluated.state_dict().items() if not name.startswith(AUXILIARY)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in kept.items()}
    write(_checkpoint(out, len(log)), save(tensors))
    write(out / "log.csv", _csv(log))
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    buffer = io.BytesIO()
    torch.save(state | {"training": told, "log": log}, buffer)
    write(out / "state.pt", buffer.getvalue())


def _csv(log: list[dict[str, float]]) -> bytes:
    return (
        pd.DataFrame(log, columns=["epoch", "rate", "loss", "images", "seconds"]).to_csv(index=False).encode()
    )


def _told(training: Training, images: Images, ranks: int, runtime: Runtime) -> str:
    """What must be the same for a training to go on: not where it runs, nor for how long."""
    how = f"{training.model}, {asdict(training.recipe)}, batch {ranks} x {training.batch}, {runtime.precision}, seed {training.seed}"
    return f"{how}, {len(images)} images {images.fingerprint()[:12]}"


def _checkpoint(out: Path, epoch: int) -> Path:
    return out / f"epoch-{epoch:04d}.safetensors"


@contextmanager
def _ranks(training: Training) -> Iterator[tuple[int, int, Runtime]]:
    """(rank, number of ranks, runtime): those of torchrun's, each on a device of its own, or one alone."""
    options = Options(device=training.device, precision=training.precision)
    if "RANK" not in os.environ:
        yield 0, 1, resolve(options)
        return
    runtime = resolve(options)
    if runtime.device.type == "cuda":
        torch.cuda.set_device(runtime.device)
    distributed.init_process_group("nccl" if runtime.device.type == "cuda" else "gloo")
    try:
        yield distributed.get_rank(), distributed.get_world_size(), runtime
    finally:
        distributed.destroy_process_group()
