"""What timm, torchvision and the graph of 2015-12-05 call Inception-v3's convolutions in checkpoints."""

from torch import Tensor, nn

BRANCHES_35 = (
    *("branch1x1", "branch5x5_1", "branch5x5_2"),
    *("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", "branch_pool"),
)
"""The convolutions of a module for 35 x 35, in the order of the tables in `rethinking`."""

BRANCHES_17 = (
    *("branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3"),
    *("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
    "branch_pool",
)
BRANCHES_8 = (
    *("branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b"),
    *("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"),
)
REDUCTION_17 = ("branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
REDUCTION_8 = (
    *("branch3x3_1", "branch3x3_2"),
    *("branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"),
)
MIXED = {
    **dict.fromkeys(("5b", "5c", "5d"), BRANCHES_35),
    "6a": REDUCTION_17,
    **dict.fromkeys(("6b", "6c", "6d", "6e"), BRANCHES_17),
    "7a": REDUCTION_8,
    **dict.fromkeys(("7b", "7c"), BRANCHES_8),
}
STAGES: dict[str, tuple[str, ...]] = {
    "stem": ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    "conv": ("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    **{stage: tuple(f"Mixed_{stage}.{branch}" for branch in branches) for stage, branches in MIXED.items()},
}
"""The convolutions of each stage, in the order of the tables in `rethinking`."""


def rename_inception_v3(state: dict[str, Tensor], stages: nn.ModuleDict) -> dict[str, Tensor]:
    """A checkpoint of Inception-v3 under the names of these stages of a `Classifier`; any other as it is."""
    if "Conv2d_1a_3x3.conv.weight" not in state or not stages.keys() >= STAGES.keys():
        return state
    own_names = {stage: convolutions(stages[stage], f"stages.{stage}") for stage in STAGES}
    if any(len(own_names[stage]) != len(names) for stage, names in STAGES.items()):
        return state
    prefixes = {"fc.": "classifier."}
    for stage, names in STAGES.items():
        for own, other in zip(own_names[stage], names, strict=True):
            prefixes[f"{other}.conv."] = f"{own}.conv."
            prefixes[f"{other}.bn."] = f"{own}.norm."
    return {_with_prefix_replaced(name, prefixes): value for name, value in state.items()}


def convolutions(stage: nn.Module, name: str) -> list[str]:
    """The full names of the modules in `stage` that have a convolution, in order."""
    return [f"{name}.{part}" for part, module in stage.named_modules() if hasattr(module, "conv")]


def _with_prefix_replaced(name: str, prefixes: dict[str, str]) -> str:
    """`name` with the first of the prefixes that it has replaced.

    >>> _with_prefix_replaced("fc.weight", {"fc.": "classifier."})
    'classifier.weight'
    """
    for prefix, replacement in prefixes.items():
        if name.startswith(prefix):
            return replacement + name.removeprefix(prefix)
    return name
