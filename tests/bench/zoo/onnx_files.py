"""Networks in files of ONNX that tests export: of torch's, in other layouts and types, and quantised."""

import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn


class Small(nn.Module):
    """A convolution and a linear layer; `permuted` takes images whose colours come last, `levels` those of
    0 to 255, and `ending` is what the scores go through.
    """

    def __init__(self, outputs=1000, ending=None, *, permuted=False, levels=False):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 5, 4)
        self.linear = nn.Linear(8, outputs)
        self.ending = ending or nn.Identity()
        self.permuted, self.levels = permuted, levels

    def forward(self, images):
        if self.permuted:
            images = images.permute(0, 3, 1, 2)
        if self.levels:
            images = images.float() / 255
        return self.ending(self.linear(self.convolution(images).relu().mean((2, 3))))


def small(**options):
    """A `Small` whose predictions differ from image to image."""
    torch.manual_seed(0)
    module = Small(**options).eval().requires_grad_(False)
    module.convolution.weight.normal_(std=0.3)
    module.linear.weight.normal_(std=4)
    return module


def export(module, path, images, *, dynamic=("batch",), outputs=("scores",)):
    """Write `module` to `path`. `dynamic` names the first sides of `images` that may be any number; None is
    one that may not.
    """
    axes = {place: name for place, name in enumerate(dynamic) if name}
    free = {"images": axes} | {name: {0: "batch"} for name in outputs if 0 in axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer; torch's other exporter needs onnxscript
        torch.onnx.export(
            module,
            (images,),
            path,
            dynamo=False,
            input_names=["images"],
            output_names=list(outputs),
            dynamic_axes=free,
        )
    return path


def with_metadata(path, **entries):
    """The file at `path`, with these entries in its metadata."""
    model = onnx.load(path)
    helper.set_model_props(model, entries)
    onnx.save(model, path)
    return path


def in_half_precision(path, to):
    """Write the graph at `path` to `to` with weights, input and output of fp16."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            half = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, to)
    return to


def quantised(path, to, batches):
    """Write the graph at `path` to `to` in 8 bits (QDQ), for the ranges of its values in `batches`."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter(batches)

        def get_next(self):
            batch = next(self.batches, None)
            return None if batch is None else {"images": batch}

    quantize_static(path, to, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)
    return to
