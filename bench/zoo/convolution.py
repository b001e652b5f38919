"""A convolution and the ReLU behind it as one operation: oneDNN's on a CPU, cuDNN's on a GPU."""

from typing import TypeGuard

import torch
from torch import Tensor, nn

ALIGNED = 8
"""Tensor cores take multiples of so many channels. For others the plain convolution may be the faster one."""


class Convolution(nn.Conv2d):
    """A convolution and, where `relu`, the ReLU behind it."""

    packed: Tensor | None

    def __init__(self, plain: nn.Conv2d, *, relu: bool) -> None:
        """With the weights of `plain`, which `is_plain` is true of."""
        assert not isinstance(plain.padding, str)
        super().__init__(
            plain.in_channels,
            plain.out_channels,
            (plain.kernel_size[0], plain.kernel_size[1]),
            (plain.stride[0], plain.stride[1]),
            (plain.padding[0], plain.padding[1]),
            (plain.dilation[0], plain.dilation[1]),
            plain.groups,
            device="meta",
        )
        self.weight, self.bias, self.relu = plain.weight, plain.bias, relu
        self.train(plain.training)
        self.register_buffer("packed", None, persistent=False)
        self._packed_for = torch.Size()
        self._by_cudnn = False

    def speed_up(self, shape: torch.Size) -> None:
        """Use the operation of this device for inputs of that shape. Raises `RuntimeError` where it cannot.

        Which layers a GPU does so is a rule: where a measurement chose, its chance would decide the bytes of
        a run.
        """
        if self.weight.is_cuda:
            aligned = self.in_channels % ALIGNED == self.out_channels % ALIGNED == 0 and self.groups == 1
            self._by_cudnn = aligned and self.relu and torch.version.hip is None
        elif self.weight.is_cpu:
            self._pack(shape)

    def slow_down(self) -> None:
        """Use the plain operations again."""
        self.packed, self._by_cudnn = None, False

    def _pack(self, shape: torch.Size) -> None:
        """Lay the weights out as oneDNN reads them."""
        self.packed = torch.ops.mkldnn._reorder_convolution_weight(
            self.weight, self.padding, self.stride, self.dilation, self.groups, shape
        )
        self._packed_for = shape[1:]

    def forward(self, inputs: Tensor) -> Tensor:
        """[n x channels x height x width]. Inputs of another size than the packed weights are for would have
        them laid out anew each time, so those take the weights as they are.
        """
        if self.packed is not None and inputs.shape[1:] == self._packed_for:
            outputs: Tensor = torch.ops.mkldnn._convolution_pointwise(
                *(inputs, self.packed, self.bias, self.padding, self.stride, self.dilation, self.groups),
                *("relu" if self.relu else "none", [], ""),
            )
            return outputs
        if self._by_cudnn:
            assert not isinstance(self.padding, str)
            settings = self.stride, self.padding, self.dilation  # in another order than oneDNN's
            return torch.cudnn_convolution_relu(inputs, self.weight, self.bias, *settings, self.groups)
        outputs = super().forward(inputs)
        return outputs.relu_() if self.relu else outputs


def is_plain(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether `Convolution` can take the place of `layer`: torch's own, padded with zeros, without hooks."""
    return (
        type(layer) is nn.Conv2d
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and not (layer._forward_hooks or layer._forward_pre_hooks)
    )
