"""What the shell completes. No torch is imported here, nor numpy: the shell waits for it at each key."""

from pathlib import Path

from typer import Context

from bench.options import DEFAULTS

PROTOCOLS = ("native", "1", "10", "12", "144", "dense")
"""The protocols with a name. `crops.DEFINITIONS` has them too, but imports numpy."""

RUN_FILE = "manifest.json"
"""What a folder has that is a run: `results.run.MANIFEST`."""


def networks(incomplete: str) -> list[str]:
    """Names for `--model`: the networks here; after a dot NAME.TAG; after PROVIDER/ those of a library.

    Of the libraries it knows the networks with published figures, for which none of them is imported.
    """
    from bench.zoo.networks import NETWORKS, PROVIDERS

    if "/" in incomplete:
        published = _published(incomplete.partition(".")[0])
        return published if "." in incomplete else list(dict.fromkeys(map(_without_tag, published)))
    if "." in incomplete:
        return [f"{name}.{tag}" for name, network in NETWORKS.items() for tag in network.tags]
    libraries = (name for name in PROVIDERS if name != "papers")
    return [*NETWORKS, *(f"{name}/" for name in libraries)]


def network_lists(incomplete: str) -> list[str]:
    """Lists of networks, as `--models` takes them."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in networks(last)]


def tags(context: Context, incomplete: str) -> list[str]:
    """The tags of the weights of the network that `--model` names; files are left to the shell."""
    from bench.zoo.networks import NETWORKS

    name = str(context.params.get("model") or DEFAULTS.model)
    if name in NETWORKS:
        return list(NETWORKS[name].tags)
    return [weights.partition(".")[2] for weights in _published(name) if _without_tag(weights) == name]


def protocols(incomplete: str) -> list[str]:
    """Lists of protocols, as `--crops` takes them."""
    before, comma, _ = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in PROTOCOLS if name not in before.split(",")]


def tables() -> list[str]:
    """The papers' tables, and the papers."""
    from results.published import PAPERS
    from results.published import tables as of_papers

    return [*of_papers(), *PAPERS]


def experiments() -> list[str]:
    """The papers' experiments."""
    from bench.experiments.table import EXPERIMENTS

    return list(EXPERIMENTS)


def suites() -> list[str]:
    """The suites that come with the program."""
    from bench.suites import examples

    return list(examples())


def runs(incomplete: str) -> list[str]:
    """The runs in the usual folder by their names, or in the folder that `incomplete` begins with."""
    before, slash, _ = incomplete.rpartition("/")
    folder = Path(before + slash) if slash else DEFAULTS.out
    return sorted(f"{before}{slash}{file.parent.name}" for file in folder.glob(f"*/{RUN_FILE}"))


def _published(beginning: str) -> list[str]:
    """The names of weights with published figures, such as `timm/inception_v3.tf_in1k`."""
    from results.published.measured import names

    return [name for name in names() if name.startswith(beginning)]


def _without_tag(weights: str) -> str:
    return weights.partition(".")[0]
