"""Who builds networks and fetches their weights: a module `bench.zoo.from_PROVIDER` for each."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import nn

from bench.errors import UsageError
from bench.zoo.networks import FOREIGN, Network
from bench.zoo.preprocessing import Preprocessing


class Provider(Protocol):
    """What each of these modules has. An `architecture` is one of `names()`, which `find` has checked."""

    POOL: str
    """Name of the module that pools the last feature map, in all of the provider's networks that have one."""

    def names(self) -> Sequence[str]:
        """The names of all its networks."""

    def tags(self, architecture: str) -> tuple[str, ...]:
        """Tags of the pretrained weights, the default first."""

    def preprocessing(self, architecture: str, tag: str) -> Preprocessing:
        """What the weights of a tag expect of their input. An empty tag means the default."""

    def build(self, architecture: str, outputs: int) -> nn.Module:
        """The network with random weights, from images to logits [n x outputs]."""

    def build_for_training(self, architecture: str, outputs: int) -> nn.Module:
        """The same with the dropout of its paper, and with the auxiliary heads that can be trained."""

    def fetch(self, architecture: str, tag: str) -> tuple[Path, str]:
        """The file with the weights of a tag, downloaded if it is not in a cache, and where it is from.

        Raises `WeightsError`.
        """


def provider_of(network: Network) -> Provider:
    """The provider of a network. Raises `UsageError` where its library is not installed, and for a network
    of the user's own.
    """
    if network.provider in FOREIGN:
        raise UsageError(f"{network.name} is a network with its weights: take one that can be built without")
    return _module(network.provider)


def names_at(provider: str) -> Sequence[str]:
    """The names of a provider's networks. Raises `UsageError` where its library is not installed."""
    return _module(provider).names()


def _module(provider: str) -> Provider:
    return cast(Provider, import_module(f"bench.zoo.from_{provider}"))


def blueprint(network: Network, outputs: int) -> nn.Module:
    """The network without weights: on the meta device, where building takes no memory and little time.

    A few networks cannot be built there. They are built on the CPU, with random weights.
    """
    provider = provider_of(network)
    try:
        with torch.device("meta"):
            return provider.build(network.architecture, outputs)
    except (RuntimeError, NotImplementedError):
        return provider.build(network.architecture, outputs)
