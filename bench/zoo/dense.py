"""A classifier as a fully convolutional network: dense evaluation (He et al., 1512.03385, section 3.4)."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from bench.errors import UsageError


def dense(module: nn.Module, pool: str, size: int) -> Callable[[Tensor], Tensor]:
    """A function from images [n x 3 x height x width] to scores [n x positions x outputs].

    `pool` names the module that averages the last feature map of `module`, and `size` is the side in pixels
    of the input that `module` was made for. The function replaces that average over the whole map by averages
    over windows as large as the map of such an input. The window moves over the map in steps of one, and the
    classifier scores each position. An input of `size` x `size` has one position, with the scores of an
    ordinary crop.

    The function shares the weights of `module`, which it leaves as it is. Raises `UsageError` where `module`
    has no module called `pool`.

    >>> network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))
    >>> dense(network, "0", size=2)(torch.rand(1, 3, 4, 3)).shape
    torch.Size([1, 6, 1000])
    """
    window = _map_side(module, _pooling(module, pool), size)
    shared: dict[int, Any] = {id(value): value for value in (*module.parameters(), *module.buffers())}
    network = copy.deepcopy(module, shared)

    def pool_windows(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """In place of one average for each image, one for each position, as if each were an image."""
        features = inputs[0]
        height, width = features.shape[2:]
        averages = avg_pool2d(features, (min(window, height), min(window, width)), stride=1)
        vectors = averages.permute(0, 2, 3, 1).flatten(0, 2)
        return vectors if output.dim() == 2 else vectors[:, :, None, None]

    _pooling(network, pool).register_forward_hook(pool_windows)

    def scores(images: Tensor) -> Tensor:
        positions: Tensor = network(images)
        return positions.reshape(len(images), -1, positions.shape[-1])

    return scores


def _pooling(module: nn.Module, pool: str) -> nn.Module:
    try:
        return module.get_submodule(pool)
    except AttributeError:
        raise UsageError(
            f"{type(module).__name__} has no pooling module {pool!r} to replace: "
            "dense evaluation is not possible"
        ) from None


def _map_side(module: nn.Module, pooling: nn.Module, size: int) -> int:
    """The side of the feature map that `pooling` takes, for an input of `size` pixels."""
    sides: list[int] = []
    handle = pooling.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    try:
        parameter = next(module.parameters())
        with torch.no_grad():
            module(torch.zeros(1, 3, size, size, dtype=parameter.dtype, device=parameter.device))
    finally:
        handle.remove()
    return sides[0]
