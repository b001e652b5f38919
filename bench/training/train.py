"""Training by the papers' recipes, with timm's and torch's parts: one process, or several under torchrun.

    OUT/epoch-0001.safetensors   what is evaluated: the averaged parameters after each epoch
    OUT/log.csv                  a line for each epoch: rate, loss, images, seconds
    OUT/state.pt                 what the next epoch starts from

An epoch depends on its number, the sampling seed and the state before it, and on nothing else. So on a CPU
a training that is killed and started again ends with the same bits as one that was not. On a GPU the order of
sums is not fixed.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous
from torch.utils.data import DataLoader, DistributedSampler

from bench.data import Images, open_images
from bench.device import PRECISIONS, Runtime, resolve
from bench.distributed import under_torchrun
from bench.errors import NotFinite, UsageError
from bench.evaluation.classify import channels_last
from bench.options import Options
from bench.progress import Advance, Done, Reporter
from bench.training import checkpoints
from bench.training.failures import training_errors
from bench.training.learner import Learner
from bench.training.patches import Patches
from bench.training.recipes import Recipe
from bench.zoo import Network, find
from bench.zoo.choose_weights import check_names
from bench.zoo.networks import unknown_name_error
from bench.zoo.providers import provider_of

Loader = DataLoader[tuple[Tensor, int]]

GROUPS = count()
"""Numbers of the process groups that this process joins; every rank joins as many."""

MOST_WORKERS = 256
"""Processes that decode, for a device; more would only use up the memory."""

MOST_SEEDS = 2**32 - 1
"""The largest seed; torch adds the number of the epoch to it."""


@dataclass(frozen=True)
class Training:
    """What to train, on what and for how long."""

    model: str
    """Name of the network."""

    recipe: Recipe
    """How it is trained."""

    data: str
    """Where the training images are."""

    epochs: int
    """Epochs in all, those of earlier starts included."""

    out: Path
    """The folder of checkpoints, log and state."""

    batch: int = 32
    """Images in a batch on each device."""

    workers: int = 2
    """Processes that decode, for each device."""

    device: str = "auto"
    """As `bench.options.Options` has it."""

    precision: str = "auto"
    """`fp32`, `bf16` or `fp16`; `auto` is bf16 on a GPU that has it, else fp32."""

    seed: int = 0
    """Of the first weights."""

    sampling_seed: int | None = None
    """Of the order of the images, the patches and dropout; by default `seed`."""

    @property
    def sampling(self) -> int:
        """The seed of the order of the images, the patches and dropout."""
        return self.seed if self.sampling_seed is None else self.sampling_seed


def train(training: Training, reporter: Reporter) -> Path | None:
    """Train, or go on with a training in the same folder, and return the last checkpoint.

    Under torchrun every rank calls this, and all but the first get None. Raises `UsageError` for what cannot
    be trained, `UnreadableImage` for an image, and `NotFinite` when the parameters are not finite.
    """
    _check_settings(training)
    runtime = runtime_for(training)
    with training_errors(training.model), _process_group(runtime.device) as rank:
        last = _train(training, reporter, runtime, rank)
        return last if rank.number == 0 else None


def _check_settings(training: Training) -> None:
    """Raise `UsageError` for a precision that does not exist, and for a number that is out of its range."""
    if training.precision not in ("auto", *PRECISIONS):
        raise unknown_name_error("precision", training.precision, ("auto", *PRECISIONS))
    for option, value, least, most in (
        ("epochs", training.epochs, 1, 9999),  # what the names of checkpoints have room for
        ("batch", training.batch, 2, None),  # one image has no statistics to normalise by
        ("workers", training.workers, 0, MOST_WORKERS),
        ("seed", training.seed, 0, MOST_SEEDS),
        ("sampling-seed", training.sampling, 0, MOST_SEEDS),
    ):
        if value < least or (most is not None and value > most):
            to = "" if most is None else f" to {most}"
            raise UsageError(f"--{option} {value}: write a number from {least}{to}")


def runtime_for(training: Training) -> Runtime:
    """Where the training runs, and this process set up for it: a GPU may use TensorFloat-32.

    Raises as `bench.device.resolve` does.
    """
    runtime = resolve(Options(device=training.device, precision=training.precision))
    if runtime.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        if training.precision == "auto" and torch.cuda.is_bf16_supported():
            runtime = replace(runtime, precision="bf16")
    return runtime


class _Rank(NamedTuple):
    """Which of torchrun's processes this is, from 0, and how many there are."""

    number: int
    size: int


@contextmanager
def _process_group(device: torch.device) -> Iterator[_Rank]:
    """Join torch's process group, where torchrun started this process. Without torchrun it is rank 0 of 1."""
    if not under_torchrun():
        yield _Rank(0, 1)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # torchrun's store keeps what the group of an earlier training wrote, so each has names of its own there
    store, rank, size = next(rendezvous("env://"))
    store = PrefixStore(f"training {next(GROUPS)}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield _Rank(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _train(training: Training, reporter: Reporter, runtime: Runtime, rank: _Rank) -> Path:
    check_names(training.model, None)
    network = find(training.model)
    provider = provider_of(network)
    images = open_images(training.data)
    if len(images) < training.batch * rank.size:
        raise UsageError(
            f"{training.data} has {len(images):,} images, fewer than {rank.size} x {training.batch}: "
            "pass a smaller --batch"
        )
    torch.manual_seed(training.seed)
    module = _build(training, network, len(images.classes))
    if not training.recipe.dropout:
        _stop_dropout(module)
    module = module.to(runtime.device)
    if training.recipe.auxiliary and not getattr(module, "auxiliary", None):
        reporter.note(f"{training.model} has no auxiliary head: the recipe's auxiliary loss is left out")
        training = replace(training, recipe=replace(training.recipe, auxiliary=0.0))
    if runtime.device.type == "cuda":
        channels_last(module)
    learner = Learner(module, training.recipe, runtime.device, runtime.precision, parallel=rank.size > 1)
    expected = provider.preprocessing(network.architecture, network.assumed_tag)
    patches = Patches(
        images,
        expected.size,
        expected.normalisation,
        distort=training.recipe.distort,
        seed=training.sampling,
        whole=not training.recipe.patches,
    )
    loader = _loader(patches, training, rank, pin=runtime.device.type == "cuda")
    description = _description(training, images, runtime.precision, rank.size)
    log = checkpoints.resume(training.out, description, learner.parts)
    if rank.number == 0:
        # so that a folder that cannot be written shows before the first epoch
        checkpoints.write_log(training.out, log)
    for epoch in range(len(log), training.epochs):
        reporter.step(f"training {training.model}, epoch {epoch + 1} of {training.epochs}")
        reporter.start(len(loader) * training.batch * rank.size, Done())
        log.append(_train_epoch(learner, loader, training, epoch, rank, reporter.advance))
        if rank.number == 0:
            checkpoints.save(training.out, description, learner.parts, log, learner.evaluated)
            reporter.note(
                f"epoch {epoch + 1} of {training.epochs}: rate {log[-1]['rate']:.5f}, "
                f"loss {log[-1]['loss']:.4f}, {log[-1]['seconds']:.0f} s"
            )
    return checkpoints.checkpoint_path(training.out, training.epochs)


def _build(training: Training, network: Network, classes: int) -> nn.Module:
    """The network with random weights. Where the recipe trains auxiliary heads, with those that it has."""
    module = provider_of(network).build_for_training(network.architecture, classes)
    if not training.recipe.auxiliary and hasattr(module, "auxiliary"):
        module.auxiliary = nn.ModuleDict()
    return module


def _stop_dropout(module: nn.Module) -> None:
    """Have the network drop no features in training."""
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0


def _loader(patches: Patches, training: Training, rank: _Rank, *, pin: bool) -> Loader:
    """Batches of this rank's share of the patches, in an order that differs from epoch to epoch.

    With `pin` they are in memory that a GPU copies from while the process goes on. Workers are forked, since
    what reads the images cannot be sent to another process.
    """
    sampler: DistributedSampler[Any] = DistributedSampler(
        patches, rank.size, rank.number, shuffle=True, seed=training.sampling, drop_last=True
    )
    return DataLoader(
        patches,
        training.batch,
        sampler=sampler,
        num_workers=training.workers,
        drop_last=True,
        pin_memory=pin,
        multiprocessing_context="fork" if training.workers else None,
    )


def _train_epoch(
    learner: Learner, loader: Loader, training: Training, epoch: int, rank: _Rank, advance: Advance
) -> dict[str, float]:
    """Train for an epoch, counted from 0, and return its line of the log."""
    began, rate = time.monotonic(), learner.rate
    patches = cast(Patches, loader.dataset)
    patches.epoch = epoch
    cast("DistributedSampler[Any]", loader.sampler).set_epoch(epoch)
    torch.manual_seed(hash((training.sampling, epoch, rank.number)))  # of dropout
    batches = patches.readable(cast("Any", loader))
    trained = Done(images=training.batch * rank.size)  # the other ranks are as far
    counted = _counted(batches, lambda: advance(trained))
    total = learner.epoch(counted, first_step=epoch * len(loader))
    if rank.size > 1:
        distributed.all_reduce(total)
    loss = float(total) / len(loader) / rank.size
    finite = all(parameter.isfinite().all() for parameter in learner.module.parameters())
    if not math.isfinite(loss) or not finite:
        raise NotFinite(
            f"epoch {epoch + 1} ended with a loss of {loss} or with parameters that are not finite: "
            "pass a smaller --rate and another --out"
        )
    return {
        "epoch": epoch + 1,
        "rate": rate,
        "loss": loss,
        "images": len(loader) * training.batch * rank.size,
        "seconds": round(time.monotonic() - began, 3),
    }


def _counted(batches: Iterable[Any], advance: Callable[[], None]) -> Iterator[Any]:
    """The batches, with a call for each that is done."""
    for batch in batches:
        yield batch
        advance()


def _description(training: Training, images: Images, precision: str, ranks: int) -> str:
    """What must stay the same for a training to go on: everything but where it runs, and for how long.

    `state.pt` has this text, so another wording would end all trainings that have begun.
    """
    recipe = asdict(training.recipe)
    del recipe["epochs"]
    for part in ("dropout", "patches"):  # they did not exist at first
        if recipe[part]:
            del recipe[part]
    settings = f"batch {ranks} x {training.batch}, {precision}, seed {training.seed}"
    if training.sampling != training.seed:
        settings += f", sampling seed {training.sampling}"
    return f"{training.model}, {recipe}, {settings}, {len(images)} images {images.fingerprint()[:12]}"
