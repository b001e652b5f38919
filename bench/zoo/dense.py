"""A classifier as a fully convolutional network, for dense evaluation (He et al., 1512.03385, section 3.4)."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from bench.errors import UsageError


def dense(module: nn.Module, pool: str, size: int) -> Callable[[Tensor], Tensor]:
    """A function from images [n x 3 x height x width] to scores [n x positions x outputs], one position per window.

    `pool` names the module that pools the last feature map of `module`, whose input is `size` pixels. In its place
    an average over a window as large as the map of a crop moves over the map one by one, and each place goes through
    the classifier. An input of `size` x `size` has the one position of an ordinary crop.
    """
    window = _map_size(module, _pooling(module, pool), size)
    shared: dict[int, Any] = {id(value): value for value in (*module.parameters(), *module.buffers())}
    module = copy.deepcopy(
        module, shared
    )  # with the same weights, so that the one given still classifies crops

    def everywhere(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        features = inputs[0]
        averages = avg_pool2d(
            features, (min(window, features.shape[2]), min(window, features.shape[3])), stride=1
        )
        places = averages.permute(0, 2, 3, 1).flatten(0, 2)
        return places if output.dim() == 2 else places[:, :, None, None]

    _pooling(module, pool).register_forward_hook(everywhere)

    def scores(images: Tensor) -> Tensor:
        places: Tensor = module(images)
        return places.reshape(len(images), -1, places.shape[-1])

    return scores


def _pooling(module: nn.Module, pool: str) -> nn.Module:
    try:
        return module.get_submodule(pool)
    except AttributeError:
        raise UsageError(
            f"{type(module).__name__} has no pooling module {pool!r} to take away: dense evaluation is not possible"
        ) from None


def _map_size(module: nn.Module, pooling: nn.Module, size: int) -> int:
    """The side of the last feature map for an input of `size` pixels."""
    seen: list[int] = []
    handle = pooling.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    try:
        reference = next(module.parameters())
        with torch.no_grad():
            module(torch.zeros(1, 3, size, size, dtype=reference.dtype, device=reference.device))
    finally:
        handle.remove()
    return seen[0]
