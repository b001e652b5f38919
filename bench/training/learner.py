"""A network and what its recipe trains it with: optimizer, schedule, running average, loss."""

from collections.abc import Iterable
from typing import Any

import torch
from timm.optim._optim_factory import create_optimizer_v2
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import StepLR

from bench.device import PRECISIONS
from bench.training.recipes import Recipe


class Learner:
    """A network that learns by a recipe.

    `parts` are what its state consists of, by name: an epoch depends on nothing else here. `evaluated` is the
    module with the parameters to evaluate: their running average, where the recipe has one.
    """

    def __init__(
        self, module: nn.Module, recipe: Recipe, device: torch.device, precision: str, *, parallel: bool
    ) -> None:
        """`module` is on `device`, and `precision` is a key of `PRECISIONS`.

        With `parallel` the processes of torch's process group average their gradients.
        """
        self.module, self.recipe, self.device = module, recipe, device
        self.optimizer = optimizer_of(module, recipe)
        self.schedule = schedule_of(self.optimizer, recipe)
        self.average = average_of(module, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self.evaluated: nn.Module = self.average.module if self.average else module
        self.parts: dict[str, Any] = {
            "module": module,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }
        if self.average:
            self.parts["average"] = self.average.module
        self._dtype = PRECISIONS[precision]
        self._parallel = DistributedDataParallel(module) if parallel else module

    @property
    def rate(self) -> float:
        """The current learning rate."""
        return float(self.optimizer.param_groups[0]["lr"])

    def epoch(self, batches: Iterable[tuple[Tensor, Tensor]], first_step: int) -> Tensor:
        """Train on each of the batches, and return the sum of their losses, a scalar on the device.

        `first_step` is the number of steps before this epoch.
        """
        self.module.train()
        total = torch.zeros((), device=self.device)
        for number, (inputs, labels) in enumerate(batches, first_step):
            total += self.step(self._on_device(inputs), labels.to(self.device, non_blocking=True))
            if self.average:
                self.average.update(self.module, step=number)
        self.schedule.step()
        return total

    def _on_device(self, inputs: Tensor) -> Tensor:
        """In the layout that tensor cores read, where they are on a GPU."""
        if self.device.type != "cuda":
            return inputs.to(self.device)
        return inputs.to(self.device, non_blocking=True, memory_format=torch.channels_last)

    def step(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Train on a batch on the device, and return the loss before it."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, self._dtype, enabled=self._dtype != torch.float32):
            loss = loss_of(self._parallel(inputs), labels, self.recipe)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip:
            self.scaler.unscale_(self.optimizer)
            clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


def optimizer_of(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer.

    RMSProp is timm's, which like TensorFlow's has epsilon under the root. Decay 0.9 and epsilon 1.0 are the
    paper's (1512.00567, section 8), momentum 0.9 is the released code's. SGD has GoogLeNet's momentum of 0.9.
    """
    options: dict[str, Any] = {"lr": recipe.rate, "momentum": 0.9, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "rmsprop":
        options |= {"opt": "rmsproptf", "alpha": 0.9, "eps": 1.0}
    else:
        options |= {"opt": "momentum"}
    return create_optimizer_v2(module, **options)


def schedule_of(optimizer: torch.optim.Optimizer, recipe: Recipe) -> StepLR:
    """Multiplies the learning rate by the recipe's decay after every `decay_epochs` epochs."""
    return StepLR(optimizer, recipe.decay_epochs, recipe.decay)


def average_of(module: nn.Module, recipe: Recipe) -> ModelEmaV3 | None:
    """The running average of the parameters, timm's. None where the recipe has none.

    Its decay grows from 0 towards the recipe's, as 1 - steps ** (-2/3).
    """
    return ModelEmaV3(module, decay=recipe.average, use_warmup=True) if recipe.average else None


def loss_of(outputs: Tensor | tuple[Tensor, list[Tensor]], labels: Tensor, recipe: Recipe) -> Tensor:
    """Cross-entropy with smoothed labels, plus that of each auxiliary head times its weight: a scalar.

    `outputs` are logits [n x classes], or with a list of the heads' logits behind them.
    """
    main, sides = outputs if isinstance(outputs, tuple) else (outputs, [])
    losses = [
        nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
        for logits in (main, *sides)
    ]
    return losses[0] + recipe.auxiliary * torch.stack([torch.zeros_like(losses[0]), *losses[1:]]).sum()
