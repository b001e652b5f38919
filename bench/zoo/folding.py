"""What a convolution can take over: the batch normalisation and the ReLU behind it, the input's normalisation
before it.

The scores stay the same but for rounding. Each result is checked against the network that it came from.

Which module follows which is observed in a forward pass. Neither the order of children nor a graph would do:
torch.fx folds none of the 94 pairs of timm's Inception-v3.
"""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from bench.zoo.convolution import Convolution, is_plain
from crops import Normalisation

NORMS = ("BatchNorm2d", "BatchNormAct2d")
"""Names of the classes that fold: torch's, and timm's with an activation. Importing timm takes seconds."""

TOLERANCE = 1e-3
"""Largest difference of an output after folding, as a share of the largest. Rounding causes about 1e-5."""

Hook = Callable[[nn.Module, tuple[Any, ...], Any], None]
"""Called with a module, its inputs and its output."""


def fold_batch_norms(module: nn.Module, size: int) -> tuple[nn.Module, int]:
    """A copy of `module` without the batch normalisations that follow a convolution, and their number.

    `size` is the side of the input in pixels. Where none can be folded, `module` itself and 0. `module` is in
    evaluation mode, on the CPU, in float32, and stays as it is.
    """
    folded = copy.deepcopy(module)
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    pairs = _foldable_pairs(folded, images)
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
    if pairs and _same_outputs(module, images, folded, images):
        return folded, len(pairs)
    return module, 0


def fold_normalisation(
    module: nn.Module,
    size: int,
    normalisation: Normalisation,
    normalise: Callable[[Tensor, Normalisation], Tensor],
) -> nn.Module | None:
    """A copy of `module` that takes levels, 0 to 255, and normalises them in its first convolution.

    `normalise(levels, normalisation)` is what `module` takes, and `size` is the side of its input in pixels.
    None where the first convolution cannot take the normalisation over.
    """
    levels = torch.randint(
        256, (1, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    folded = copy.deepcopy(module)
    first = _input_layer(folded, levels.float())
    if not _can_take_normalisation(first):
        return None
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normalisation.mean, normalisation.std))
    constant = (first.weight * mean / std).sum((1, 2, 3))
    first.bias = nn.Parameter(-constant if first.bias is None else first.bias - constant, requires_grad=False)
    weight = first.weight / (255 * std)
    first.weight = nn.Parameter(weight.flip(1) if normalisation.bgr else weight, requires_grad=False)
    if _same_outputs(module, normalise(levels, normalisation), folded, levels.float()):
        return folded
    return None


def fuse_activations(module: nn.Module, size: int) -> nn.Module:
    """A copy of `module` whose plain convolutions are each a `Convolution`, with the ReLU that follows it.

    `size` is the side of the input in pixels. A mere copy where that changes the outputs. `module` is in
    evaluation mode, on the CPU, in float32.
    """
    fused = copy.deepcopy(module)
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    following, calls = _following_activations(fused, images)
    taken: set[nn.Module] = set()
    for name, child in list(fused.named_modules()):
        if is_plain(child) and calls[child] == 1:
            activation = following.get(child)
            fused.set_submodule(name, Convolution(child, relu=activation is not None))
            if activation and calls[activation] == 1:  # else it follows other modules, too
                taken.add(activation)
    for name, child in list(fused.named_modules()):
        if child in taken:
            fused.set_submodule(name, nn.Identity())
    return fused if _same_outputs(module, images, fused, images) else copy.deepcopy(module)


def speed_up(module: nn.Module, size: int, batch: int) -> None:
    """Let each `Convolution` of `module` use the operation of its device for batches of images of this size,
    in place.

    Call it with as many threads as the batches will have. Nothing changes where one of them does not work
    here, or where the outputs would change.
    """
    weight = next(module.parameters(), None)
    if weight is None:
        return
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = images.to(weight.device, weight.dtype, memory_format=torch.channels_last)
    convolutions = [child for child in module.modules() if isinstance(child, Convolution)]

    def change(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(child, Convolution):
            child.speed_up(torch.Size((batch, *inputs[0].shape[1:])))

    with torch.no_grad():
        expected = module(images)
        try:
            _run_with_hook(module, images, change)
            same = _nearly_equal(expected, module(images))
        except (RuntimeError, AttributeError):  # a processor or a torch that lacks the operation
            same = False
    if not same:
        for convolution in convolutions:
            convolution.slow_down()


def _can_take_normalisation(layer: nn.Module | None) -> TypeGuard[nn.Conv2d]:
    """Whether `layer` is a plain convolution without padding: a padded zero is not a level."""
    return type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding in ((0, 0), "valid")


def _foldable_pairs(module: nn.Module, images: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each batch normalisation whose input is the output of a convolution, with that convolution.

    Left out are those of which one or the other runs more than once.
    """
    source: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensor is kept so that no other gets its id
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    calls: Counter[nn.Module] = Counter()

    def record(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[child] += 1
        if isinstance(child, nn.Conv2d):
            source[id(output)] = child, output
        elif _is_foldable_norm(child) and inputs and id(inputs[0]) in source:
            convolution, _ = source[id(inputs[0])]
            pairs.append((convolution, child))

    _run_with_hook(module, images, record)
    return [(convolution, norm) for convolution, norm in pairs if calls[convolution] == calls[norm] == 1]


def _following_activations(
    module: nn.Module, images: Tensor
) -> tuple[dict[nn.Module, nn.Module], Counter[nn.Module]]:
    """For each convolution whose output goes to a ReLU: that one. And how often each module runs."""
    source: dict[int, tuple[nn.Module, Tensor]] = {}
    following: dict[nn.Module, nn.Module] = {}
    calls: Counter[nn.Module] = Counter()

    def record(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[child] += 1
        if isinstance(child, nn.Conv2d):
            source[id(output)] = child, output
        elif type(child) is nn.ReLU and inputs and id(inputs[0]) in source:
            following[source[id(inputs[0])][0]] = child

    _run_with_hook(module, images, record)
    return following, calls


def _is_foldable_norm(child: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    return isinstance(child, nn.BatchNorm2d) and type(child).__name__ in NORMS and child.track_running_stats


def _input_layer(module: nn.Module, images: Tensor) -> nn.Module | None:
    """The one module without children that takes the input itself. None where several do."""
    takers: list[nn.Module] = []

    def record(child: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        is_leaf = next(child.children(), None) is None
        if is_leaf and any(value is images for value in inputs):
            takers.append(child)

    _run_with_hook(module, images, record)
    return takers[0] if len(takers) == 1 else None


def _run_with_hook(module: nn.Module, images: Tensor, hook: Hook) -> None:
    """Run `module` on `images`, and call `hook` after each of its modules has run."""
    handles = [child.register_forward_hook(hook) for child in module.modules()]
    try:
        with torch.no_grad():
            module(images)
    finally:
        for handle in handles:
            handle.remove()


def _same_outputs(before: nn.Module, images_before: Tensor, after: nn.Module, images_after: Tensor) -> bool:
    with torch.no_grad():
        expected = before(images_before)
        try:
            return _nearly_equal(expected, after(images_after))
        except Exception:  # noqa: BLE001 - code of the user's, that misses the module which was folded
            return False


def _nearly_equal(expected: Tensor, outputs: Tensor) -> bool:
    tolerance = max(TOLERANCE, 8 * torch.finfo(expected.dtype).eps)
    return bool((outputs - expected).abs().max() <= tolerance * expected.abs().max())
