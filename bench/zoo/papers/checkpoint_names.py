"""The names that timm's, torchvision's and the 2015-12-05 checkpoints of Inception-v3 give to what is built here."""

from torch import Tensor, nn

A = (
    "branch1x1",
    "branch5x5_1",
    "branch5x5_2",
    "branch3x3dbl_1",
    "branch3x3dbl_2",
    "branch3x3dbl_3",
    "branch_pool",
)
B = (
    "branch1x1",
    *(f"branch7x7_{i}" for i in range(1, 4)),
    *(f"branch7x7dbl_{i}" for i in range(1, 6)),
    "branch_pool",
)
C = (
    *("branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b"),
    *("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"),
)
STAGES: dict[str, tuple[str, ...]] = {
    "stem": ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    "conv": ("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    **{name: tuple(f"Mixed_{name}.{branch}" for branch in A) for name in ("5b", "5c", "5d")},
    "6a": tuple(
        f"Mixed_6a.{branch}" for branch in ("branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
    ),
    **{name: tuple(f"Mixed_{name}.{branch}" for branch in B) for name in ("6b", "6c", "6d", "6e")},
    "7a": tuple(
        f"Mixed_7a.{branch}"
        for branch in ("branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{i}" for i in range(1, 5)))
    ),
    **{name: tuple(f"Mixed_{name}.{branch}" for branch in C) for name in ("7b", "7c")},
}
"""The convolutions of each stage, in the order of the tables in `rethinking`."""


def renamed(state: dict[str, Tensor], stages: nn.ModuleDict) -> dict[str, Tensor]:
    """A checkpoint of Inception-v3 with its names turned into those of `stages`; any other as it is."""
    if "Conv2d_1a_3x3.conv.weight" not in state or not stages.keys() >= STAGES.keys():
        return state
    convolutions = {
        stage: [
            f"stages.{stage}.{name}"
            for name, module in stages[stage].named_modules()
            if hasattr(module, "conv")
        ]
        for stage in STAGES
    }
    if any(len(convolutions[stage]) != len(theirs) for stage, theirs in STAGES.items()):
        return state
    prefixes = {"fc.": "classifier."}
    for stage, theirs in STAGES.items():
        for mine, their in zip(convolutions[stage], theirs, strict=True):
            prefixes |= {f"{their}.conv.": f"{mine}.conv.", f"{their}.bn.": f"{mine}.norm."}
    result = {}
    for name, value in state.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), "")
        result[prefixes.get(prefix, "") + name.removeprefix(prefix)] = value
    return result
