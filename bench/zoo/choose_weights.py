"""Which weights a network gets: those of a tag, fetched, or those of a file."""

from pathlib import Path

from bench.downloads import shown_downloads
from bench.errors import UsageError, WeightsError
from bench.zoo import weights as checkpoints
from bench.zoo.factories import check_file
from bench.zoo.networks import FOREIGN, NETWORKS, Network, find, unknown_name_error
from bench.zoo.providers import provider_of


def check_names(name: str, weights: str | None) -> None:
    """Raise `UsageError` as `load` does where the network, or a tag of its weights, does not exist.

    It fetches nothing, and imports a library only for what the table does not list.
    """
    network = find(name)
    if network.provider in FOREIGN:
        _check_foreign(network, name, weights)
        return
    listed = NETWORKS[network.name].tags if network.name in NETWORKS else ()
    chosen = network.tags[:1] if weights is None or _is_file(weights) else (*network.tags[:1], weights)
    if not set(chosen) <= set(listed):
        tags = provider_of(network).tags(network.architecture)
        for tag in chosen:
            _check_tag(network, tag, tags)


def _check_foreign(network: Network, name: str, weights: str | None) -> None:
    """As `check_names`, for a network that is the user's own."""
    if network.provider == "onnx":
        if weights is not None:
            raise UsageError(f"--weights {weights}: {name} has its weights, leave --weights out")
        return
    check_file(name)
    if weights is not None and not Path(weights).expanduser().is_file():
        raise UsageError(f"no weights at {weights}: there is no such file, and {name} has no tags")


def fetch(name: str, weights: str | None) -> None:
    """Download the weights of a tag, by default the first, to where `load` finds them.

    For a file nothing needs to be done. Raises `UsageError` and `WeightsError` as `load` does.
    """
    network = find(name)
    if network.provider in FOREIGN:
        return
    find_weights(network, weights, provider_of(network).tags(network.architecture))


def find_weights(network: Network, weights: str | None, tags: tuple[str, ...]) -> tuple[str, Path, str]:
    """(tag, file, source) of the weights, fetched if they are not here. The tag of a file is empty.

    `tags` are those that can be fetched.
    """
    for tag in network.tags[:1]:
        _check_tag(network, tag, tags)
    if weights is not None and _is_file(weights):
        tag, path = "", Path(weights).expanduser()
        source = str(path)
    else:
        tag = _tag(network, weights, tags)
        with shown_downloads(f"the weights of {network.name}"):
            path, source = provider_of(network).fetch(network.architecture, tag)
    if not path.is_file():
        raise WeightsError(f"no weights at {path}: there is no such file")
    return tag, path, source


def _is_file(weights: str) -> bool:
    """Whether `--weights` names a file, and not a tag."""
    return Path(weights).suffix in checkpoints.ENDINGS or Path(weights).is_file()


def _tag(network: Network, weights: str | None, tags: tuple[str, ...]) -> str:
    """The tag that `weights` names, by default the network's first. It has to be in `tags`."""
    tag = next(iter(network.tags + tags), None) if weights is None else weights
    if tag is None:
        raise WeightsError(f"{network.name} has no public weights: pass --weights FILE")
    _check_tag(network, tag, tags)
    return tag


def _check_tag(network: Network, tag: str, tags: tuple[str, ...]) -> None:
    """Raise `UsageError` unless `tag` is one of the network's `tags`."""
    if tag not in tags:
        raise unknown_name_error(
            f"weights of {network.name}", tag, tags, f"a file that ends in {', '.join(checkpoints.ENDINGS)}"
        )
