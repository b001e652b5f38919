"""What a crop is: lattice, protocols, geometry, dialects and two renderers. Knows no network, label or run."""

from crops.dialects import DIALECTS, Dialect, Normalisation, dialect
from crops.geometry import Patch, place
from crops.lattice import DenseView, View, lattice, scale_set
from crops.protocols import POOLS, Plan, Protocol, ProtocolError, parse, parse_scales, pool_scores

__all__ = [
    "DIALECTS",
    "POOLS",
    "DenseView",
    "Dialect",
    "Normalisation",
    "Patch",
    "Plan",
    "Protocol",
    "ProtocolError",
    "View",
    "dialect",
    "lattice",
    "parse",
    "parse_scales",
    "place",
    "pool_scores",
    "scale_set",
]
