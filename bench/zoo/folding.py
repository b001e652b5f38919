"""Operations that vanish into a convolution, exactly but for rounding: batch normalisation, and that of the input.

Which module follows which is seen in a forward pass, not read off the order of children or off a graph: torch.fx folds
none of the 94 pairs of timm's Inception-v3. Each result is checked against the network that it came from.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from crops import Normalisation

NORMS = ("BatchNorm2d", "BatchNormAct2d")
"""Classes by name, torch's and timm's, which has the activation in it: importing timm takes seconds."""

TOLERANCE = 1e-3
"""Largest difference of an output after folding, in parts of the largest output. Rounding makes about 1e-5 of it."""


def fold_batch_norms(module: nn.Module, size: int) -> tuple[nn.Module, int]:
    """A network for images of `size` pixels without the batch normalisations that follow a convolution, and their number.

    The module itself where none can be folded; it is left as it is. Both are in evaluation mode, on the CPU, in float32.
    """
    folded = copy.deepcopy(module)
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    pairs = _pairs(folded, images)
    names = {child: name for name, child in folded.named_modules()}
    for convolution, norm in pairs:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        folded.set_submodule(names[norm], getattr(norm, "act", nn.Identity()))
    return (folded, len(pairs)) if pairs and _alike(module, folded, images, images) else (module, 0)


def fold_normalisation(
    module: nn.Module,
    size: int,
    normalisation: Normalisation,
    normalise: Callable[[Tensor, Normalisation], Tensor],
) -> nn.Module | None:
    """A network that takes levels, 0 to 255, in place of what `normalise` makes of them; None where there is none.

    It needs a first convolution that alone sees the input and does not pad it: zeros of a padding are no level.
    """
    levels = torch.randint(
        256, (1, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    folded = copy.deepcopy(module)
    first = _first(folded, levels.float())
    if (
        first is None
        or type(first) is not nn.Conv2d
        or first.groups != 1
        or first.padding not in ((0, 0), "valid")
    ):
        return None
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normalisation.mean, normalisation.std))
    constant = (first.weight * mean / std).sum((1, 2, 3))
    first.bias = nn.Parameter(-constant if first.bias is None else first.bias - constant, requires_grad=False)
    weight = first.weight / (255 * std)
    first.weight = nn.Parameter(weight.flip(1) if normalisation.bgr else weight, requires_grad=False)
    return folded if _alike(module, folded, normalise(levels, normalisation), levels.float()) else None


def _pairs(module: nn.Module, images: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions whose output a batch normalisation takes, with it, each used once."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    used: Counter[nn.Module] = Counter()

    def seen(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        used[child] += 1
        if isinstance(child, nn.Conv2d):
            made[id(output)] = child, output  # kept, so that no other tensor has its id
        elif (
            isinstance(child, nn.BatchNorm2d)
            and type(child).__name__ in NORMS
            and child.track_running_stats
            and id(inputs[0]) in made
        ):
            found.append((made[id(inputs[0])][0], child))

    with _watched(module, seen), torch.no_grad():
        module(images)
    return [(convolution, norm) for convolution, norm in found if used[convolution] == used[norm] == 1]


def _first(module: nn.Module, images: Tensor) -> nn.Module | None:
    """The one module without children that takes the input itself; None where several do."""
    takers: list[nn.Module] = []

    def seen(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if any(value is images for value in inputs) and not any(True for _ in child.children()):
            takers.append(child)

    with _watched(module, seen), torch.no_grad():
        module(images)
    return takers[0] if len(takers) == 1 else None


@contextmanager
def _watched(module: nn.Module, seen: Callable[[nn.Module, tuple[Any, ...], Any], None]) -> Iterator[None]:
    handles = [child.register_forward_hook(seen) for child in module.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _alike(before: nn.Module, after: nn.Module, images_before: Tensor, images_after: Tensor) -> bool:
    with torch.no_grad():
        expected, got = before(images_before), after(images_after)
    return bool((got - expected).abs().max() <= TOLERANCE * expected.abs().max())
