"""GoogLeNet (1409.4842) by its Table 1, and the same with batch normalisation (BN-GoogLeNet).

The paper's table and text leave three things open.

- The first layer. The table's 2.7 K parameters and 34 M multiply-adds are those of a separable 7x7 with a
  depth multiplier of 8. Caffe's public network has a dense one. Both are here.
- Pooling. Sizes are rounded up here, which gives the table's 56, 28, 14 and 7.
- Local response normalisation. It has Caffe's constants here, and BN-GoogLeNet has none.

Two experiments leave things open as well.

- Section 5 says that average pooling in place of fully connected layers improved the top-1 error by 0.6
  points, but not what these layers were. Here it is one, from the last map to as many features as it has
  channels, with the ReLU of all layers. Dropout and the last linear layer stay.
- Batch normalisation (1502.03167, section 4.2.2) was compared with and without on a network that has two 3x3
  for each 5x5. Table 1's 5x5 stay here. The sigmoids replace the ReLUs of the convolutions; a hidden layer of
  the auxiliary heads, which the network of that paper does not have, keeps its ReLU.
"""

from torch import nn

from bench.zoo.papers.classifier import AuxiliaryHead, Classifier
from bench.zoo.papers.notation import Branch, Style, chain

MODULES: dict[str, tuple[int, int, int, int, int, int] | None] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "pool3": None,
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "pool4": None,
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Table 1 from 3a on: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection. None is a max pool.

The table's own parameters do not always follow from these numbers. In units of 1024, biases included:

row      4a    4c    4d    4e    5a    5b
printed  364   463   580   840   1072  1388
counted  367   498   591   848   1019  1410
"""


def googlenet(
    classes: int = 1000,
    *,
    width: float = 1.0,
    batch_norm: bool = False,
    sigmoid: bool = False,
    separable: bool = False,
    auxiliary: tuple[str, ...] = ("4a", "4d"),
    fully_connected: int = 0,
) -> Classifier:
    """GoogLeNet for 224 x 224. `width` multiplies its numbers of filters, and `sigmoid` replaces its ReLUs.

    `auxiliary` are the modules that have an auxiliary head behind them: 4a and 4d in section 5. Dropout is
    70 % there and 40 % at the end. `fully_connected` is the side of the last map, 7 for 224 x 224, where a
    fully connected layer takes the place of the average; 0 for the average.
    """
    style = Style(width, batch_norm=batch_norm, sigmoid=sigmoid)
    lrn: Branch = [] if batch_norm else ["lrn"]
    first = "7x7 64 /2 sep8" if separable else "7x7 64 /2"
    tables: dict[str, Branch] = {
        "conv1": [first],
        "pool1": ["max /2 C", *lrn],
        "conv2": ["1x1 64", "3x3 192", *lrn],
        "pool2": ["max /2 C"],
    }
    tables |= {name: _inception_module(row) if row else ["max /2 C"] for name, row in MODULES.items()}
    if fully_connected:  # a convolution that sees the whole map
        tables["fc"] = [f"{fully_connected}x{fully_connected} 1024 V"]
    stages: dict[str, nn.Module] = {}
    heads: dict[str, nn.Module] = {}
    channels = 3
    for name, steps in tables.items():
        stages[name], channels = chain(channels, steps, style)
        if name in ("4a", "4d"):
            features, depth = chain(channels, ["1x1 128"], style)
            heads[name] = AuxiliaryHead(
                features, depth * 4 * 4, classes, grid=4, hidden=style.filters(1024), dropout=0.7
            )
    # Both heads are made in any case: so the other weights of one seed are the same with and without them.
    used = {name: heads[name] for name in auxiliary}
    network = Classifier(stages, channels, classes, dropout=0.4, auxiliary=used)
    if not batch_norm:
        _initialise(network)
    return network


def _initialise(network: nn.Module) -> None:
    """Set Caffe's first weights: Xavier's, with a bias of 0.2.

    Without batch normalisation the signal would fade from layer to layer with torch's.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.2)


def _inception_module(row: tuple[int, int, int, int, int, int]) -> Branch:
    """Figure 2b with the numbers of filters of a row of Table 1."""
    one, three_reduce, three, five_reduce, five, projection = row
    return [
        [
            [f"1x1 {one}"],
            [f"1x1 {three_reduce}", f"3x3 {three}"],
            [f"1x1 {five_reduce}", f"5x5 {five}"],
            ["max", f"1x1 {projection}"],
        ]
    ]
