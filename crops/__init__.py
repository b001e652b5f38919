"""What a crop is. This package knows no network, no label and no run.

Read it in this order:

- `lattice`: the points that crops are chosen from (`View`, `DenseView`), and others (`SingleView`)
- `protocols`: sets of views with names, such as 144 crops (`Protocol`)
- `geometry`: from a view and an image's size to the pixels to cut (`Patch`)
- `plan`: several protocols evaluated in one pass, and their pooling (`Plan`)
- `pillow`, `tensor`: the slow reference renderer and the fast one, from patches to pixels
- `chunk`, `kernels`, `filters`: the renderer for GPUs, many images at once, with Pillow's pixels
- `warp`: a region of an image as R-CNN's detector takes it, as a patch
- `dialects`: how other tools take the single central crop
- `normalisation`: how pixels are scaled before a network sees them (`Normalisation`)
"""

from crops.dialects import DIALECTS, dialect_plan, dialect_view, native_view
from crops.geometry import Patch, patch_of
from crops.lattice import AXES, DenseView, SingleView, View, lattice, scale_set
from crops.normalisation import CAFFE, HALF, IMAGENET, Normalisation
from crops.plan import IMAGE_SIZE, POOLS, Plan, pool_scores
from crops.protocols import (
    DEFINITIONS,
    NATIVE,
    Definition,
    Protocol,
    ProtocolError,
    native_protocol,
    parse,
    parse_scales,
)

__all__ = [
    "AXES",
    "CAFFE",
    "DEFINITIONS",
    "DIALECTS",
    "HALF",
    "IMAGENET",
    "IMAGE_SIZE",
    "NATIVE",
    "POOLS",
    "Definition",
    "DenseView",
    "Normalisation",
    "Patch",
    "Plan",
    "Protocol",
    "ProtocolError",
    "SingleView",
    "View",
    "dialect_plan",
    "dialect_view",
    "lattice",
    "native_protocol",
    "native_view",
    "parse",
    "parse_scales",
    "patch_of",
    "pool_scores",
    "scale_set",
]
