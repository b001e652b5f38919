"""A network with auxiliary heads that trains in seconds."""

from functools import partial

from bench.zoo import NETWORKS, Network
from bench.zoo.from_papers import ARCHITECTURES, Architecture
from bench.zoo.papers.googlenet import googlenet

NARROW = Architecture(partial(googlenet, width=0.05), 224)
"""GoogLeNet at a twentieth of its width, with both auxiliary heads. It has no batch normalisation."""

NETWORK = Network("narrow", "papers", "narrow", classes=3)


def register() -> None:
    """Let this process know the network by its name."""
    ARCHITECTURES["narrow"], NETWORKS["narrow"] = NARROW, NETWORK
