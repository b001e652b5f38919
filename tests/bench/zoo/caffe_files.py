"""Files with the layout of Caffe's public GoogLeNet and random weights: .caffemodel, byte by byte, and .onnx.

The layers are those of Caffe's train_val.prototxt, and the graph is as Caffe2 exported it for ONNX's zoo.
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INCEPTION = {  # Caffe's num_output: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_BEFORE = {"3a": "pool2", "4a": "pool3", "5a": "pool4"}
OLD, NEW = "layers", "layer"
"""The two forms of layers in a .caffemodel, by their names in caffe.proto."""


def shapes():
    """The shape of each layer's weights, in the order of the network."""
    found = {"conv1/7x7_s2": (64, 3, 7, 7), "conv2/3x3_reduce": (64, 64, 1, 1), "conv2/3x3": (192, 64, 3, 3)}
    channels = 192
    for name, (one, reduce3, three, reduce5, five, projection) in INCEPTION.items():
        found |= {
            f"inception_{name}/1x1": (one, channels, 1, 1),
            f"inception_{name}/3x3_reduce": (reduce3, channels, 1, 1),
            f"inception_{name}/3x3": (three, reduce3, 3, 3),
            f"inception_{name}/5x5_reduce": (reduce5, channels, 1, 1),
            f"inception_{name}/5x5": (five, reduce5, 5, 5),
            f"inception_{name}/pool_proj": (projection, channels, 1, 1),
        }
        channels = one + three + five + projection
    return found | {"loss3/classifier": (1000, channels)}


def random_blobs(seed=0):
    """Weights and biases of each layer, which keep activations in range and make outputs that differ."""
    generator = np.random.default_rng(seed)
    blobs = {}
    for name, shape in shapes().items():
        spread = math.sqrt((0.1 if name == "loss3/classifier" else 2) / math.prod(shape[1:]))
        scale = 1 / 60 if name == "conv1/7x7_s2" else 1  # its inputs are levels
        weights = generator.normal(0, spread * scale, shape).astype(np.float32)
        blobs[name] = weights, generator.normal(0, 0.1, shape[0]).astype(np.float32)
    return blobs


def heads_for_training():
    """Blobs of the layers that only training has, narrower than Caffe's."""
    return {
        f"{head}/{layer}": (np.ones(shape, np.float32), np.ones(shape[0], np.float32))
        for head in ("loss1", "loss2")
        for layer, shape in {"conv": (4, 512, 1, 1), "fc": (8, 64), "classifier": (1000, 8)}.items()
    }


def varint(number):
    """A number as protocol buffers have it: seven bits in a byte, the lowest first."""
    return bytes([number % 128 | 128]) + varint(number // 128) if number > 127 else bytes([number])


def integer(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, content):
    """A field that says its length: a text, a message, or packed numbers."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def old_blob(array):
    """A blob with four sides, of which the first are 1 where the array has fewer."""
    sides = (1,) * (4 - array.ndim) + array.shape
    numbers = b"".join(integer(field, side) for field, side in enumerate(sides, 1))
    return numbers + chunk(5, array.tobytes())


def new_blob(array):
    return chunk(5, array.tobytes()) + chunk(7, chunk(1, b"".join(map(varint, array.shape))))


def old_layer(name, blobs=()):
    """A layer of before 2015, of type CONVOLUTION (4)."""
    content = chunk(2, b"data") + chunk(3, name.encode()) + chunk(4, name.encode()) + integer(5, 4)
    return chunk(2, content + b"".join(chunk(6, old_blob(blob)) for blob in blobs))


def new_layer(name, blobs=()):
    content = chunk(1, name.encode()) + chunk(2, b"Convolution") + chunk(3, b"data") + integer(10, 1)
    return chunk(100, content + b"".join(chunk(7, new_blob(blob)) for blob in blobs))


def caffemodel(blobs, form):
    """The bytes of a .caffemodel with these blobs, and with layers that have none."""
    layer = {OLD: old_layer, NEW: new_layer}[form]
    layers = [layer("data"), *(layer(name, arrays) for name, arrays in blobs.items()), layer("loss3/loss3")]
    return chunk(1, b"GoogleNet") + b"".join(layers)


def onnx_model(blobs, opset):
    """The model of ONNX's zoo, for one image in blue, green, red: `data_0` to `prob_1`."""
    parameters = {
        f"{name}_{kind}_0": blob
        for name, pair in blobs.items()
        for kind, blob in zip("wb", pair, strict=True)
    }
    constants = parameters | {"OC2_DUMMY_1": np.array([1, 1024])}
    inputs = {"data_0": (TensorProto.FLOAT, (1, 3, 224, 224))}
    if opset < 12:  # older ones have all parameters among the inputs
        kinds = {name: TensorProto.INT64 if "DUMMY" in name else TensorProto.FLOAT for name in constants}
        inputs |= {name: (kinds[name], value.shape) for name, value in constants.items()}
    graph = helper.make_graph(
        _nodes(opset),
        "bvlc_googlenet",
        [helper.make_tensor_value_info(name, *value) for name, value in inputs.items()],
        [helper.make_tensor_value_info("prob_1", TensorProto.FLOAT, (1, 1000))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 + opset // 10
    )
    onnx.checker.check_model(model)
    return model


def _nodes(opset):
    nodes = []

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(features, name, kernel, stride=1):
        edges = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        output = add("Conv", [features, f"{name}_w_0", f"{name}_b_0"], f"{name}_1", **edges)
        return add("Relu", [output], f"{name}_2")

    def halve(features, name):  # one more row and column at the end, where Caffe rounds the size up
        edges = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}
        return add("MaxPool", [features], f"{name}/3x3_s2_1", **edges)

    def normalise(features, name):
        return add("LRN", [features], f"{name}_1", size=5, alpha=1e-4, beta=0.75, bias=1.0)

    features = halve(convolution("data_0", "conv1/7x7_s2", 7, 2), "pool1")
    features = convolution(normalise(features, "pool1/norm1"), "conv2/3x3_reduce", 1)
    features = normalise(convolution(features, "conv2/3x3", 3), "conv2/norm2")
    for module in INCEPTION:
        if module in POOL_BEFORE:
            features = halve(features, POOL_BEFORE[module])
        name = f"inception_{module}"
        reduced3 = convolution(features, f"{name}/3x3_reduce", 1)
        reduced5 = convolution(features, f"{name}/5x5_reduce", 1)
        edges = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
        branches = [
            convolution(features, f"{name}/1x1", 1),
            convolution(reduced3, f"{name}/3x3", 3),
            convolution(reduced5, f"{name}/5x5", 5),
            convolution(add("MaxPool", [features], f"{name}/pool_1", **edges), f"{name}/pool_proj", 1),
        ]
        features = add("Concat", branches, f"{name}/output_1", axis=1)
    pooled = add("AveragePool", [features], "pool5/7x7_s1_1", kernel_shape=[7, 7], strides=[1, 1])
    if opset < 12:
        dropped = add("Dropout", [pooled], "pool5/7x7_s1_2", ratio=0.4)
    else:
        ratio = numpy_helper.from_array(np.array(0.4, np.float32))
        dropped = add("Dropout", [pooled, add("Constant", [], "ratio", value=ratio)], "pool5/7x7_s1_2")
    vectors = add("Reshape", [dropped, "OC2_DUMMY_1"], "OC2_DUMMY_0")
    classifier = [vectors, "loss3/classifier_w_0", "loss3/classifier_b_0"]
    add("Softmax", [add("Gemm", classifier, "loss3/classifier_1", transB=1)], "prob_1", axis=1)
    return nodes
