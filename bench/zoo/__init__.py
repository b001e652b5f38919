"""Networks by name. Importing this loads no torch; `bench.zoo.loading` does."""

from bench.zoo.networks import NETWORKS, PROVIDERS, Network, find

__all__ = ["NETWORKS", "PROVIDERS", "Network", "find"]
