"""A network with auxiliary heads that trains in seconds: a program of the tests.

python -m tests.bench.training.narrow train --model narrow ...   runs the command line, which knows it
"""

from functools import partial

from bench.zoo import NETWORKS, Network
from bench.zoo.from_papers import ARCHITECTURES, Architecture
from bench.zoo.papers.googlenet import googlenet

NARROW = Architecture(partial(googlenet, width=0.05), 224)
"""GoogLeNet at a twentieth of its width, with both auxiliary heads. It has no batch normalisation."""

NETWORK = Network("narrow", "papers", "narrow", classes=3)

if __name__ == "__main__":
    from bench.cli import app

    ARCHITECTURES["narrow"], NETWORKS["narrow"] = NARROW, NETWORK
    app()
