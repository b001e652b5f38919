"""A classifier of stages: features, an average over the last map, dropout, a linear layer; auxiliary heads beside."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bench.zoo.papers.checkpoint_names import renamed


class AuxiliaryHead(nn.Module):
    """GoogLeNet's side classifier: a 5x5 average with stride 3, `features`, and one or two fully connected layers."""

    def __init__(
        self, features: nn.Module, channels: int, classes: int, *, hidden: int = 0, dropout: float = 0.0
    ) -> None:
        """`channels` is what `features` give, flattened where there is a `hidden` layer and averaged where not."""
        super().__init__()
        self.pool = nn.AvgPool2d(5, 3)
        self.features = features
        self.average = nn.Identity() if hidden else nn.AdaptiveAvgPool2d(1)
        layers = [nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)] if hidden else []
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(hidden or channels, classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classifier(
            self.hidden(self.average(self.features(self.pool(features))).flatten(1))
        )
        return logits


class Classifier(nn.Module):
    """Logits [n x classes] of images [n x 3 x height x width]; in training, a list of the auxiliary heads' after them."""

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        channels: int,
        classes: int,
        dropout: float,
        auxiliary: Mapping[str, nn.Module] | None = None,
    ) -> None:
        """`stages` in order; `auxiliary` by the stage after which each head looks."""
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.auxiliary = nn.ModuleDict(auxiliary or {})
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, list[Tensor]]:
        features, sides = images, []
        for name, stage in self.stages.items():
            features = stage(features)
            if self.training and name in self.auxiliary:
                sides.append(self.auxiliary[name](features))
        logits: Tensor = self.classifier(self.dropout(self.pool(features).flatten(1)))
        return (logits, sides) if self.training and self.auxiliary else logits


def checkpoint_filter_fn(state: dict[str, Tensor], module: Classifier) -> dict[str, Tensor]:
    """A checkpoint under other names as one for `module`; timm's hook of this name, which loading looks for."""
    return renamed(state, module.stages)


def shapes(module: Classifier, size: int) -> dict[str, tuple[int, ...]]:
    """(height, width, channels) after each stage for an input of `size` x `size`, as the papers' tables give them."""
    found: dict[str, tuple[int, ...]] = {}
    with torch.no_grad():
        features = torch.empty(1, 3, size, size, device=next(module.parameters()).device)
        for name, stage in module.stages.items():
            features = stage(features)
            found[name] = (features.shape[2], features.shape[3], features.shape[1])
    return found
