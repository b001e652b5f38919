"""What Caffe's public weights of GoogLeNet (`bvlc_googlenet`) call its layers, in checkpoints and in ONNX."""

from collections.abc import Collection

from torch import Tensor, nn

from bench.zoo.papers.checkpoint_names import convolutions

BRANCHES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
"""The convolutions of a module, in the order of the table in `googlenet`."""

STAGES: dict[str, tuple[str, ...]] = {
    "conv1": ("conv1/7x7_s2",),
    "conv2": ("conv2/3x3_reduce", "conv2/3x3"),
    **{
        stage: tuple(f"inception_{stage}/{branch}" for branch in BRANCHES)
        for stage in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    },
}
"""The convolutions of each stage."""


def has_caffes_names(names: Collection[str]) -> bool:
    """Whether these are the names of Caffe's parameters of GoogLeNet."""
    return "conv1/7x7_s2_w_0" in names


def rename_googlenet(state: dict[str, Tensor], stages: nn.ModuleDict) -> dict[str, Tensor]:
    """Caffe's GoogLeNet under the names of these stages of a `Classifier`; any other checkpoint as it is."""
    if not has_caffes_names(state) or not stages.keys() >= STAGES.keys():
        return state
    own_names = {"loss3/classifier": "classifier"}
    for stage, layers in STAGES.items():
        convs = convolutions(stages[stage], f"stages.{stage}")
        own_names |= {layer: f"{conv}.conv" for layer, conv in zip(layers, convs, strict=True)}
    parameters = {
        f"{layer}_{theirs}": f"{own}.{ours}"
        for layer, own in own_names.items()
        for theirs, ours in (("w_0", "weight"), ("b_0", "bias"))
    }
    return {parameters.get(name, name): value for name, value in state.items()}
