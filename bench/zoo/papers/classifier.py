"""A classifier made of stages: features, an average over the last map, dropout, a linear layer."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from bench.zoo.papers.checkpoint_names import rename_inception_v3


class AuxiliaryHead(nn.Module):
    """GoogLeNet's side classifier: a 5x5 average with stride 3, `features`, and one or two linear layers.

    A map that is too small for that average, as in the mini networks and in the naive ones for low
    resolution, is averaged or interpolated to the same `grid` by an adaptive pool.
    """

    def __init__(
        self,
        features: nn.Module,
        channels: int,
        classes: int,
        *,
        grid: int,
        hidden: int = 0,
        dropout: float = 0.0,
    ) -> None:
        """`hidden` is the width of a linear layer before the last one, 0 for none.

        `features` takes maps of `grid` x `grid`. `channels` is the length of what it returns: flattened where
        there is a hidden layer, else averaged. `dropout` is the share that training drops before the last
        layer.
        """
        super().__init__()
        self.grid = grid
        self.pool = nn.AvgPool2d(5, 3)
        self.features = features
        self.average = nn.Identity() if hidden else nn.AdaptiveAvgPool2d(1)
        layers = [nn.Linear(channels, hidden), nn.ReLU(inplace=True)] if hidden else []
        self.hidden = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden or channels, classes)

    def forward(self, features: Tensor) -> Tensor:
        """[n x channels x height x width] to logits [n x classes]."""
        is_small = features.shape[-1] < 3 * self.grid + 2
        pooled = adaptive_avg_pool2d(features, self.grid) if is_small else self.pool(features)
        vectors = self.average(self.features(pooled)).flatten(1)
        logits: Tensor = self.classifier(self.dropout(self.hidden(vectors)))
        return logits


class Classifier(nn.Module):
    """A network whose stages run one after the other, with auxiliary heads for training."""

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        channels: int,
        classes: int,
        dropout: float,
        auxiliary: Mapping[str, nn.Module] | None = None,
    ) -> None:
        """`stages` by name, in order; `channels` is the number that the last one returns.

        `auxiliary` has the heads, each by the name of the stage whose features it takes. `dropout` is the
        share of features that training drops before the classifier.
        """
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.auxiliary = nn.ModuleDict(auxiliary or {})
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, list[Tensor]]:
        """[n x 3 x height x width] to logits [n x classes].

        In training, where the network has auxiliary heads: the logits, and a list of the heads' logits.
        """
        features, side_logits = images, []
        for name, stage in self.stages.items():
            features = stage(features)
            if self.training and name in self.auxiliary:
                side_logits.append(self.auxiliary[name](features))
        logits: Tensor = self.classifier(self.dropout(self.pool(features).flatten(1)))
        return (logits, side_logits) if self.training and self.auxiliary else logits


def checkpoint_filter_fn(state: dict[str, Tensor], module: Classifier) -> dict[str, Tensor]:
    """`state` under the names of `module`, as far as they are known.

    Loading calls the function of this name in a network's module, as timm does.
    """
    return rename_inception_v3(state, module.stages)
