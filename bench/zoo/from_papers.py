"""The papers' networks that no library has, built here from the papers' tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import hf_hub_download
from torch import nn

from bench import mini
from bench.downloads import Bar
from bench.zoo.networks import BVLC
from bench.zoo.papers.classifier import Classifier
from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.inception_resnet import UNSCALED, V1, V2, V2_DRAWN, inception_resnet
from bench.zoo.papers.inception_v4 import inception_v4
from bench.zoo.papers.rethinking import inception
from bench.zoo.preprocessing import Preprocessing
from bench.zoo.weights import download, fetch_error
from crops.normalisation import CAFFE, HALF

POOL = "pool"
"""The module that pools the last feature map."""


@dataclass(frozen=True)
class Architecture:
    """One of the networks that are built here."""

    build: Callable[[int], Classifier]
    """From a number of classes to the network with its auxiliary heads."""

    size: int
    """Side of the input in pixels."""


_v2 = partial(inception, factorised_stem=False, auxiliary_norm=False)
_mini_v1 = partial(googlenet, batch_norm=True, width=0.22, auxiliary=())
_mini_v3 = partial(inception, width=0.165, blocks=(2, 2, 1), auxiliary=False)
_mini_ir_v2 = partial(inception_resnet, V2, width=0.125, blocks=(2, 4, 2))

ARCHITECTURES = {
    "googlenet": Architecture(googlenet, 224),
    "googlenet-separable": Architecture(partial(googlenet, separable=True), 224),
    "googlenet-wide": Architecture(partial(googlenet, width=1.25), 224),
    "bn-googlenet": Architecture(partial(googlenet, batch_norm=True), 224),
    "inception-v2": Architecture(_v2, 299),
    "inception-v2-factorised": Architecture(partial(inception, auxiliary_norm=False), 299),
    "inception-v2-bn-auxiliary": Architecture(partial(inception, factorised_stem=False), 299),
    "inception-v3": Architecture(inception, 299),
    "inception-v2-151": Architecture(partial(inception, auxiliary_norm=False, resolution=151), 151),
    "inception-v2-79": Architecture(partial(inception, auxiliary_norm=False, resolution=79), 79),
    "inception-v3-2015": Architecture(partial(inception, tensorflow=True), 299),
    "inception-resnet-v1": Architecture(partial(inception_resnet, V1), 299),
    "inception-resnet-v2": Architecture(partial(inception_resnet, V2_DRAWN), 299),
    "mini-bn-googlenet": Architecture(_mini_v1, 64),
    "mini-inception-v3": Architecture(_mini_v3, 80),
    "mini-inception-v4": Architecture(partial(inception_v4, width=0.125, blocks=(2, 3, 1)), 80),
    "mini-inception-resnet-v2": Architecture(_mini_ir_v2, 80),
    # Variants for the papers' experiments.
    "inception-v2-linear": Architecture(partial(_v2, linear_factors=True), 299),
    "inception-v3-pool-first": Architecture(partial(inception, reduction="pool-first"), 299),
    "inception-v3-pool-last": Architecture(partial(inception, reduction="pool-last"), 299),
    "googlenet-one-head": Architecture(partial(googlenet, auxiliary=("4d",)), 224),
    "inception-v2-dropout-auxiliary": Architecture(partial(_v2, auxiliary_dropout=0.7), 299),
    "googlenet-fully-connected": Architecture(partial(googlenet, fully_connected=7), 224),
    "inception-v2-151-naive": Architecture(partial(inception, auxiliary_norm=False), 151),
    "inception-v2-79-naive": Architecture(partial(inception, auxiliary_norm=False), 79),
    "inception-resnet-v2-unscaled": Architecture(partial(inception_resnet, V2_DRAWN, scales=UNSCALED), 299),
    "bn-googlenet-sigmoid": Architecture(partial(googlenet, batch_norm=True, sigmoid=True), 224),
    "mini-inception-v3-linear": Architecture(partial(_mini_v3, linear_factors=True), 80),
    "mini-inception-v3-pool-first": Architecture(partial(_mini_v3, reduction="pool-first"), 80),
    "mini-inception-v3-pool-last": Architecture(partial(_mini_v3, reduction="pool-last"), 80),
    "mini-bn-googlenet-two-heads": Architecture(partial(_mini_v1, auxiliary=("4a", "4d")), 64),
    "mini-bn-googlenet-one-head": Architecture(partial(_mini_v1, auxiliary=("4d",)), 64),
    "mini-inception-v3-auxiliary": Architecture(partial(_mini_v3, auxiliary=True, auxiliary_norm=False), 80),
    "mini-inception-v3-bn-auxiliary": Architecture(partial(_mini_v3, auxiliary=True), 80),
    "mini-inception-v3-dropout-auxiliary": Architecture(
        partial(_mini_v3, auxiliary=True, auxiliary_norm=False, auxiliary_dropout=0.7), 80
    ),
    "mini-bn-googlenet-fully-connected": Architecture(partial(_mini_v1, fully_connected=2), 64),
    "mini-inception-v3-fine": Architecture(partial(_mini_v3, resolution=151), 80),  # its strides, at 80
    "mini-inception-v3-160": Architecture(_mini_v3, 160),
    "mini-inception-resnet-v2-unscaled": Architecture(partial(_mini_ir_v2, scales=UNSCALED), 80),
    "mini-inception-resnet-v2-wide": Architecture(partial(_mini_ir_v2, width=0.5), 80),
    "mini-inception-resnet-v2-wide-unscaled": Architecture(
        partial(_mini_ir_v2, width=0.5, scales=UNSCALED), 80
    ),
    "mini-googlenet": Architecture(partial(_mini_v1, batch_norm=False), 64),
    "mini-bn-googlenet-sigmoid": Architecture(partial(_mini_v1, sigmoid=True), 64),
}

TIMM_V3 = "inception_v3"
"""timm's name of Inception-v3, whose weights `inception-v3` takes."""

GRAPH_OF_2015 = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
"""The public PyTorch port of the graph that TensorFlow published on 2015-12-05.

It was made for the Frechet inception distance.
"""

BVLC_REPOSITORY, BVLC_FILE = "onnxmodelzoo/googlenet-12", "googlenet-12.onnx"
"""Where the Hugging Face hub has Caffe's public weights of GoogLeNet (`bvlc_googlenet`)."""


def names() -> Sequence[str]:
    """The networks that are built here."""
    return tuple(ARCHITECTURES)


def tags(architecture: str) -> tuple[str, ...]:
    """Tags of the pretrained weights, the default first."""
    if _mini_weights(architecture).is_file():
        return ("mini",)
    if architecture == "inception-v3":
        from bench.zoo import from_timm  # takes seconds, and only this network needs it

        return from_timm.tags(TIMM_V3)
    return {"inception-v3-2015": ("2015-12-05",), "googlenet": (BVLC,)}.get(architecture, ())


def preprocessing(architecture: str, tag: str) -> Preprocessing:
    """Levels from -1 to 1, bicubic, and a crop of 0.875; for weights of timm and Caffe what these say.

    Caffe warps an image to 256 x 256 before the crop of 224.
    """
    if architecture == "inception-v3" and tag:
        from bench.zoo import from_timm

        return from_timm.preprocessing(TIMM_V3, tag)
    size = ARCHITECTURES[architecture].size
    if tag == BVLC:
        return Preprocessing(size, CAFFE, "bilinear", crop_pct=0.875, fit="both")
    return Preprocessing(size, HALF, "bicubic", crop_pct=0.875)


def build(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and without its auxiliary heads, which evaluation does not use."""
    module = ARCHITECTURES[architecture].build(outputs)
    module.auxiliary = nn.ModuleDict()
    return module


def build_for_training(architecture: str, outputs: int) -> nn.Module:
    """The network with random weights and the auxiliary heads that it has."""
    return ARCHITECTURES[architecture].build(outputs)


def fetch(architecture: str, tag: str) -> tuple[Path, str]:
    """The weights' file, downloaded if it is not in a cache, and where it is from. Raises `WeightsError`."""
    if architecture == "inception-v3":
        from bench.zoo import from_timm

        return from_timm.fetch(TIMM_V3, tag)
    if tag == "mini":
        return _mini_weights(architecture), "bench/mini"
    if tag == BVLC:
        return _fetch_from_hub(BVLC_REPOSITORY, BVLC_FILE)
    return download(GRAPH_OF_2015), GRAPH_OF_2015


def _fetch_from_hub(repository: str, name: str) -> tuple[Path, str]:
    """A file of a repository in the hub's cache, downloaded if it is not there, and the repository's address.

    Raises `WeightsError`.
    """
    try:
        path = Path(hf_hub_download(repository, name, tqdm_class=Bar))
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        raise fetch_error(f"{repository} from the Hugging Face hub", error, f"its {name}") from None
    return path, f"hf://{repository}"


def _mini_weights(architecture: str) -> Path:
    """Where the weights of a network for the mini set are. Only four have any."""
    return mini.FOLDER / f"{architecture}.safetensors"
