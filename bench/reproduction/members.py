"""The trainings that can stand for the networks of a table: the user's own, and public ones."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError, WeightsError
from bench.zoo import NETWORKS, find
from bench.zoo.choose_weights import check_names
from bench.zoo.loading import fitting
from bench.zoo.networks import standing_for
from bench.zoo.providers import provider_of
from bench.zoo.weights import sha256
from results.names import is_adversarial

RESNET_151 = "resnet-151"
"""The papers' name of Inception-v4's "ResNet-151", which is ResNet-152. The user says which one."""

RESNETS = ("torchvision/resnet152", "timm/resnet152")
"""The networks that stand for it. A file fits both, and runs as the first, at 224 x 224 as in its paper."""


@dataclass(frozen=True)
class Member:
    """A network with weights."""

    network: str
    """Its name, as `--model` takes it."""
    weights: str
    """A tag or a file."""


def read_members(
    words: Sequence[str], wanted: Collection[str], table: str, note: Callable[[str], None]
) -> dict[str, list[Member]]:
    """The trainings that a user has for each of the `wanted` names of a table's networks.

    A word is NAME=FILE or NAME=NETWORK.TAG; NAME is one of `wanted`, or a network that stands for it. `note`
    takes what the user should know of a choice. Raises `UsageError`, also for a training that is named twice,
    and `WeightsError` for a file that fits no network.
    """
    members: dict[str, list[Member]] = {}
    seen: dict[tuple[str, str], str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if not value:
            raise UsageError(f"--weights {word}: write NAME=FILE, such as v3=v3.safetensors")
        paper = _paper_name(name, wanted, table)
        path = Path(value).expanduser()
        member = _from_file(name, value, path, note) if path.is_file() else _from_tag(name, value)
        key = paper, sha256(path) if path.is_file() else f"{member.network}.{member.weights}"
        if key in seen:
            raise UsageError(f"--weights {word}: the same weights as {seen[key]}, and a training counts once")
        seen[key] = word
        members.setdefault(paper, []).append(member)
    return members


def public_members(paper: str) -> list[Member]:
    """The public trainings of all networks that stand for a paper's; those with adversarial images are last.

    Two networks may share weights, which count once.

    >>> [f"{member.network}.{member.weights}" for member in public_members("v3")][:3]
    ['v3.tf_in1k', 'v3.tv_in1k', 'v3.gluon_in1k']
    """
    by_tag: dict[str, Member] = {}
    for name in standing_for(paper):
        for tag in NETWORKS[name].tags:
            by_tag.setdefault(tag, Member(name, tag))
    return sorted(by_tag.values(), key=lambda member: is_adversarial(member.weights))


def _paper_name(name: str, wanted: Collection[str], table: str) -> str:
    """The one of `wanted` that `name` is, or stands for. Raises `UsageError`."""
    if name in wanted:
        return name
    paper = RESNET_151 if name in RESNETS else NETWORKS[name].paper if name in NETWORKS else ""
    if paper in wanted:
        return paper
    taken = dict.fromkeys(each for known in sorted(wanted) for each in (known, *standing_for(known)))
    raise UsageError(f"--weights {name}=...: {table} takes {', '.join(taken) or 'no weights'}")


def _candidates(name: str) -> tuple[str, ...]:
    """The networks that weights under this name can be of; `v2:rmsprop` is a training of `v2`."""
    return RESNETS if name == RESNET_151 else standing_for(name.partition(":")[0]) or (name,)


def _from_file(name: str, file: str, path: Path, note: Callable[[str], None]) -> Member:
    """The first of the candidates that the file fits. Where there is only one, loading it will tell."""
    candidates = _candidates(name)
    fitted = fitting(candidates, path) if len(candidates) > 1 else candidates
    if not fitted:
        raise WeightsError(
            f"{path} fits none of the networks that stand for {name}: {', '.join(candidates)} were tried"
        )
    if len(fitted) > 1:
        others = " and ".join(fitted[1:])
        note(f"{file} is run as {fitted[0]}; it fits {others} as well, which you can name in place of {name}")
    return Member(fitted[0], file)


def _from_tag(name: str, value: str) -> Member:
    """The public weights `value`, NETWORK.TAG, or NETWORK for its first tag. Raises `UsageError`."""
    candidates = _candidates(name)
    if value.partition(".")[0] not in candidates:
        raise UsageError(
            f"no weights at {value}: there is no such file, nor is it NETWORK.TAG "
            f"with one of {', '.join(candidates)}"
        )
    check_names(value, None)
    network = find(value)
    tags = network.tags or provider_of(network).tags(network.architecture)
    if not tags:
        raise UsageError(f"{value} has no public weights: pass --weights {name}=FILE")
    return Member(network.name, tags[0])
