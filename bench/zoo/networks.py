"""The networks by name. A table without torch, so that listing it costs nothing."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from bench.errors import UsageError

HUB = "hf-hub:"
"""Before ORG/NAME it is a network of timm's in a repository of the Hugging Face hub, as timm calls it."""

FACTORY = re.compile(r"[^:]*[^:/]:[A-Za-z_]\w*")
"""FILE.py:FACTORY or PACKAGE.MODULE:FACTORY."""

PROVIDERS = ("timm", "torchvision", "pytorchcv")
"""Libraries whose every classifier can be named as PROVIDER/NAME."""

FOREIGN = ("onnx", "python")
"""Providers of networks that are the user's own: a graph's file, or a module of Python."""

BVLC = "bvlc"
"""The tag of Caffe's public weights of GoogLeNet."""


@dataclass(frozen=True)
class Network:
    """A network: who provides it, under which name, and how large it is.

    `load` fills in what is empty for a network outside the table. No figure counts auxiliary heads.
    """

    name: str
    """What `--model` takes."""

    provider: str
    """Whose code builds it: one of `PROVIDERS` or `FOREIGN`, or `papers` for `bench.zoo.papers`."""

    architecture: str
    """Its name at the provider."""

    title: str = ""
    """What it is, in a few words."""

    tags: tuple[str, ...] = ()
    """The weights that can be fetched, the default first."""

    input_size: int | None = None
    """Side of the input in pixels."""

    parameters: int | None = None
    """Number of parameters."""

    multiply_adds: int | None = None
    """Multiply-adds of the convolutions and linear layers for one image."""

    paper: str = ""
    """Its name in the papers' tables, where that is not `name`."""

    classes: int = 1000
    """Number of classes that it is listed with."""

    differences: str = ""
    """How it differs from what its paper draws or prints, in a few words; empty where it does not."""

    variant_of: str = ""
    """The network that a paper's experiment compares it with; empty where it stands for itself."""

    @property
    def is_known_once_loaded(self) -> bool:
        """Whether only loading tells what it expects, and how many classes it has."""
        return self.provider in FOREIGN or self.name.startswith(HUB)

    @property
    def assumed_tag(self) -> str:
        """The tag of the weights whose preprocessing a training here has, and a file that says nothing of
        it. Empty for the provider's default.

        It is the default tag, but none takes Caffe's levels in blue, green, red.

        >>> find("v3").assumed_tag, find("v1-paper").assumed_tag
        ('tf_in1k', '')
        """
        return next((tag for tag in self.tags if tag != BVLC), "")


AS_RELEASED = "as released, not as Rethinking's Table 1 prints it"
"""How Inception-v2 and -v3 differ. `bench.zoo.papers.rethinking` has what the table prints."""

MISPRINTS = "Table 1 misprints the parameters of six modules"
"""What `bench.zoo.papers.googlenet` has the numbers of."""

NETWORKS = {
    network.name: network
    for network in (
        # Lists and suggestions keep this order. First the papers' networks, which have public weights. Then
        # variants, most of which need weights of your own. Then those that are for the mini set alone. Last
        # the variants for the papers' experiments.
        Network("v3", "timm", "inception_v3", "Inception-v3",
                ("tf_in1k", "tv_in1k", "tf_adv_in1k", "gluon_in1k"), 299, 23_834_568, 5_713_216_096,
                differences=AS_RELEASED),
        Network("v4", "timm", "inception_v4", "Inception-v4", ("tf_in1k",), 299, 42_679_816, 12_253_974_624),
        Network("ir-v1", "pytorchcv", "inceptionresnetv1",
                "Inception-ResNet-v1",
                ("osmr",), 299, 23_995_624, 6_308_235_360,
                differences="6 C blocks for 5; before the last layer another one, 512 wide"),
        Network("ir-v2", "timm", "inception_resnet_v2",
                "Inception-ResNet-v2",
                ("tf_in1k", "tf_ens_adv_in1k"), 299, 55_843_464, 13_155_794_016,
                differences="as released: 10/20/10 blocks for 5/10/5, v3's stem for v4's, a last 1x1"),
        Network("v1", "torchvision", "googlenet",
                "GoogLeNet",
                ("IMAGENET1K_V1",), 224, 6_624_904, 1_498_376_192,
                differences="3x3 for 5x5, batch normalisation, first 7x7 dense, last max pool 2x2"),
        Network("bn", "pytorchcv", "bninception", "BN-Inception", ("osmr",), 224, 11_295_240, 2_032_600_064,
                differences="first 7x7 dense, not separable"),
        Network("v2", "papers", "inception-v2", "Inception-v2 (7x7 stem, plain auxiliary head)",
                (), 299, 23_815_336, 5_299_886_272, differences=AS_RELEASED),
        Network("v2-factorised", "papers", "inception-v2-factorised", "Inception-v2, factorised 7x7",
                (), 299, 23_834_568, 5_713_216_096, differences=AS_RELEASED),
        Network("v2-bn-aux", "papers", "inception-v2-bn-auxiliary",
                "Inception-v2, 7x7 stem and BN-auxiliary head (no row of Table 3)",
                (), 299, 23_815_336, 5_299_886_272, differences=AS_RELEASED),
        Network("v2-all", "papers", "inception-v3", "Inception-v2 with both, which is Inception-v3",
                ("tf_in1k", "tv_in1k", "tf_adv_in1k", "gluon_in1k"), 299, 23_834_568, 5_713_216_096, "v3",
                differences=AS_RELEASED),
        Network("v2-151", "papers", "inception-v2-151", "Inception-v2 for 151 x 151",
                (), 151, 23_834_568, 5_713_216_096,
                differences=f"{AS_RELEASED}; section 9 does not say which stem"),
        Network("v2-79", "papers", "inception-v2-79", "Inception-v2 for 79 x 79",
                (), 79, 23_834_568, 5_361_703_520,
                differences=f"{AS_RELEASED}; section 9 does not say which stem"),
        Network("v3-2015", "papers", "inception-v3-2015",
                "Inception-v3 in the form of the graph of 2015-12-05",
                ("2015-12-05",), 299, 23_834_568, 5_713_216_096, "v3",
                differences=f"{AS_RELEASED}; max pool in the last module"),
        Network("v1-paper", "papers", "googlenet", "GoogLeNet, Table 1 with the first 7x7 dense",
                (BVLC,), 224, 6_998_552, 1_582_671_872, "v1",
                differences=f"first 7x7 dense, not separable; {MISPRINTS}"),
        Network("v1-separable", "papers", "googlenet-separable",
                "GoogLeNet, Table 1 with the first 7x7 separable",
                (), 224, 6_991_856, 1_498_677_248, "v1",
                differences=MISPRINTS),
        Network("v1-wide", "papers", "googlenet-wide",
                "v1-paper at 1.25 of its width (one of the paper's seven is wider)",
                (), 224, 10_609_460, 2_435_725_440, "v1",
                differences="first 7x7 dense, not separable; the paper gives no width"),
        Network("bn-v1", "papers", "bn-googlenet", "BN-GoogLeNet", (), 224, 7_005_832, 1_582_671_872,
                differences="no paper draws it: it is v1-paper with batch normalisation"),
        Network("ir-v1-paper", "papers", "inception-resnet-v1",
                "Inception-ResNet-v1 as drawn (5/10/5 blocks)",
                (), 299, 22_756_328, 6_206_361_696, "ir-v1"),
        Network("ir-v2-paper", "papers", "inception-resnet-v2",
                "Inception-ResNet-v2 as drawn (v4's stem, 5/10/5 blocks)",
                (), 299, 32_433_928, 9_257_953_632, "ir-v2",
                differences="1152 and 2144 filters where figures 17 and 19 print 1154 and 2048"),
        Network("mini-v1", "papers", "mini-bn-googlenet", "bn-v1 at 0.22 of its width, for the mini set",
                ("mini",), 64, 303_006, 7_859_200, classes=50),
        Network("mini-v3", "papers", "mini-inception-v3",
                "v3 at a sixth of its width (2/2/1 blocks), for the mini set",
                ("mini",), 80, 336_783, 4_416_198, classes=50),
        Network("mini-v4", "papers", "mini-inception-v4",
                "v4 at an eighth of its width (2/3/1 blocks), for the mini set",
                ("mini",), 80, 320_102, 4_769_196, classes=50),
        Network("mini-ir-v2", "papers", "mini-inception-resnet-v2",
                "ir-v2 at an eighth of its width (2/4/2 blocks), for the mini set",
                ("mini",), 80, 310_102, 3_524_220, classes=50),
        # These need weights of your own, and `models` lists them apart.
        Network("v2-linear", "papers", "inception-v2-linear",
                "Rethinking, Fig. 2: no ReLU after the first of two factors",
                (), 299, 23_815_336, 5_299_886_272, variant_of="v2"),
        Network("v3-pool-first", "papers", "inception-v3-pool-first",
                "Rethinking, Fig. 9 left: grid reductions pool first, a bottleneck",
                (), 299, 23_834_568, 5_461_729_888, variant_of="v2-all"),
        Network("v3-pool-last", "papers", "inception-v3-pool-last",
                "Rethinking, Fig. 9 right: grid reductions pool last, expensive",
                (), 299, 23_834_568, 6_921_544_288, variant_of="v2-all"),
        Network("v1-one-head", "papers", "googlenet-one-head",
                "Rethinking, section 4: without the lower auxiliary head",
                (), 224, 6_998_552, 1_582_671_872, variant_of="v1-paper"),
        Network("v2-dropout-aux", "papers", "inception-v2-dropout-auxiliary",
                "Rethinking, section 4: dropout of 70 % in the auxiliary head",
                (), 299, 23_815_336, 5_299_886_272, variant_of="v2"),
        Network("v1-fc", "papers", "googlenet-fully-connected",
                "GoogLeNet, section 5: a fully connected layer in place of the average pool",
                (), 224, 58_379_800, 1_634_052_096, variant_of="v1-paper"),
        Network("v2-151-naive", "papers", "inception-v2-151-naive",
                "Rethinking, section 9: the network of 299 at 151, with all its strides",
                (), 151, 23_834_568, 1_082_439_776, variant_of="v2-151"),
        Network("v2-79-naive", "papers", "inception-v2-79-naive",
                "Rethinking, section 9: the network of 299 at 79, with all its strides",
                (), 79, 23_834_568, 212_103_008, variant_of="v2-79"),
        Network("ir-v2-unscaled", "papers", "inception-resnet-v2-unscaled",
                "Inception-v4, section 3.3: residuals added without a scale",
                (), 299, 32_433_928, 9_257_953_632, variant_of="ir-v2-paper"),
        Network("bn-v1-sigmoid", "papers", "bn-googlenet-sigmoid",
                "BN-Inception, Fig. 3: sigmoids in place of ReLUs",
                (), 224, 7_005_832, 1_582_671_872, variant_of="bn-v1"),
        Network("mini-v3-linear", "papers", "mini-inception-v3-linear",
                "no ReLU after the first of two factors",
                (), 80, 336_783, 4_416_198, classes=50, variant_of="mini-v3"),
        Network("mini-v3-pool-first", "papers", "mini-inception-v3-pool-first",
                "grid reductions pool first, a bottleneck",
                (), 80, 336_783, 4_151_054, classes=50, variant_of="mini-v3"),
        Network("mini-v3-pool-last", "papers", "mini-inception-v3-pool-last",
                "grid reductions pool last, expensive",
                (), 80, 336_783, 5_815_518, classes=50, variant_of="mini-v3"),
        Network("mini-v1-two-heads", "papers", "mini-bn-googlenet-two-heads",
                "with GoogLeNet's two auxiliary heads",
                (), 64, 303_006, 7_859_200, classes=50, variant_of="mini-v1"),
        Network("mini-v1-one-head", "papers", "mini-bn-googlenet-one-head",
                "with the upper auxiliary head",
                (), 64, 303_006, 7_859_200, classes=50, variant_of="mini-v1"),
        Network("mini-v3-aux", "papers", "mini-inception-v3-auxiliary",
                "with a plain auxiliary head",
                (), 80, 336_783, 4_416_198, classes=50, variant_of="mini-v3"),
        Network("mini-v3-bn-aux", "papers", "mini-inception-v3-bn-auxiliary",
                "with a batch-normalised auxiliary head",
                (), 80, 336_783, 4_416_198, classes=50, variant_of="mini-v3"),
        Network("mini-v3-dropout-aux", "papers", "mini-inception-v3-dropout-auxiliary",
                "with an auxiliary head with dropout of 70 %",
                (), 80, 336_783, 4_416_198, classes=50, variant_of="mini-v3"),
        Network("mini-v1-fc", "papers", "mini-bn-googlenet-fully-connected",
                "a fully connected layer in place of the average pool",
                (), 64, 505_106, 8_060_850, classes=50, variant_of="mini-v1"),
        Network("mini-v3-fine", "papers", "mini-inception-v3-fine",
                "stride 1 in the first layer",
                (), 80, 336_783, 24_732_075, classes=50, variant_of="mini-v3"),
        Network("mini-v3-160", "papers", "mini-inception-v3-160",
                "at 160 pixels, about the cost of mini-v3-fine",
                (), 160, 336_783, 25_139_979, classes=50, variant_of="mini-v3"),
        Network("mini-ir-v2-unscaled", "papers", "mini-inception-resnet-v2-unscaled",
                "residuals added without a scale",
                (), 80, 310_102, 3_524_220, classes=50, variant_of="mini-ir-v2"),
        Network("mini-ir-v2-wide", "papers", "mini-inception-resnet-v2-wide",
                "four times its width: more than 1000 filters",
                (), 80, 4_798_594, 54_301_104, classes=50, variant_of="mini-ir-v2"),
        Network("mini-ir-v2-wide-unscaled", "papers", "mini-inception-resnet-v2-wide-unscaled",
                "residuals added without a scale",
                (), 80, 4_798_594, 54_301_104, classes=50, variant_of="mini-ir-v2-wide"),
        Network("mini-v1-plain", "papers", "mini-googlenet",
                "without batch normalisation, as v1-paper",
                (), 64, 301_410, 7_859_200, classes=50, variant_of="mini-v1"),
        Network("mini-v1-sigmoid", "papers", "mini-bn-googlenet-sigmoid",
                "sigmoids in place of ReLUs",
                (), 64, 303_006, 7_859_200, classes=50, variant_of="mini-v1"),
    )
}  # fmt: skip
"""The networks that have names of their own here, by that name."""


def find(name: str) -> Network:
    """The network called `name`: one of `NETWORKS`, or PROVIDER/NAME; either with .TAG to put that tag first.
    A NAME that is not of the table is that of the first provider that has it.

    Or a network of the user's own, of which nothing is read: NET.onnx, FILE.py:FACTORY,
    PACKAGE.MODULE:FACTORY; or hf-hub:ORG/NAME.

    Raises `UsageError` with the nearest names. Only for a name outside the table are libraries imported.

    >>> find("v3").architecture
    'inception_v3'
    >>> find("v3.gluon_in1k").tags
    ('gluon_in1k', 'tf_in1k', 'tv_in1k', 'tf_adv_in1k')
    >>> find("timm/resnet50.a1_in1k").tags
    ('a1_in1k',)
    """
    if name.startswith(HUB):
        return _hub_network(name)
    if name.endswith(".onnx"):
        return Network(name, "onnx", Path(name).name)
    if FACTORY.fullmatch(name):
        return Network(name, "python", name)
    listed, _, tag = name.partition(".")
    if listed in NETWORKS:
        network = NETWORKS[listed]
        others = tuple(other for other in network.tags if other != tag)
        return replace(network, tags=(tag, *others)) if tag else network
    provider, slash, rest = name.partition("/")
    if not slash:
        provider, rest = _provider_with(listed), name
    architecture, _, tag = rest.partition(".")
    if provider not in PROVIDERS or not rest:
        raise _unknown_network_error(name)
    known = [f"{provider}/{known}" for known in _names_at(provider)]
    if f"{provider}/{architecture}" not in known:
        raise unknown_name_error("network", f"{provider}/{architecture}", known)
    return Network(f"{provider}/{architecture}", provider, architecture, tags=(tag,) if tag else ())


def _hub_network(name: str) -> Network:
    """The network in a repository of the hub, which timm's code builds. Raises `UsageError`."""
    if not re.fullmatch(rf"{HUB}\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?", name):
        raise UsageError(f"no network {name!r}: write {HUB}ORG/NAME, or {HUB}ORG/NAME@REVISION")
    return Network(name, "timm", name)


def _provider_with(architecture: str) -> str:
    """The first provider that has a network of this name; empty where none has."""
    for provider in PROVIDERS:
        with suppress(UsageError):  # a library that is not installed
            if architecture in _names_at(provider):
                return provider
    return ""


def standing_for(paper: str) -> tuple[str, ...]:
    """The networks of the table that stand for one in the papers: that of this name, and others of its kind.

    >>> standing_for("ir-v2")
    ('ir-v2', 'ir-v2-paper')
    """
    return tuple(network.name for network in NETWORKS.values() if paper in (network.name, network.paper))


def _names_at(provider: str) -> Sequence[str]:
    """The names of a provider's networks. Raises `UsageError` where its library is not installed."""
    from bench.zoo.providers import names_at  # libraries take seconds to import, and the table needs none

    return names_at(provider)


def _unknown_network_error(name: str) -> UsageError:
    """The error to raise for a network that neither the table nor a provider has: it suggests the nearest
    of all, by their names here and at the provider.
    """
    names_of: dict[str, list[str]] = {}
    for network in NETWORKS.values():
        for alias in dict.fromkeys((network.name, network.architecture)):
            names_of.setdefault(alias, []).append(network.name)
    for provider in PROVIDERS:
        with suppress(UsageError):  # a library that is not installed
            for architecture in _names_at(provider):
                names_of.setdefault(architecture, []).append(f"{provider}/{architecture}")
    aliases = _nearest(name.rpartition("/")[2].lower(), tuple(names_of))
    nearest = list(dict.fromkeys(near for alias in aliases for near in names_of[alias]))[:3]
    also = "PROVIDER/NAME with timm, torchvision or pytorchcv"
    return _unknown_error("network", name, nearest or list(NETWORKS)[:8], also)


def unknown_name_error(what: str, name: str, known: Sequence[str], also: str = "") -> UsageError:
    """The error to raise for a `name` that is not one of `known`: it suggests the three nearest.

    Where none is near, it suggests the first eight. `also` is a further suggestion, in words.

    >>> print(unknown_name_error("network", "v33", ["v3", "v4", "ir-v2"], also="PROVIDER/NAME"))
    no network 'v33': try v3, or PROVIDER/NAME
    """
    last_part = name.rpartition("/")[2]
    nearest = _nearest(name, known) or _nearest(last_part, known) or known[:8]
    return _unknown_error(what, name, nearest, also)


def _unknown_error(what: str, name: str, suggestions: Sequence[str], also: str) -> UsageError:
    return UsageError(f"no {what} {name!r}: try {', or '.join(filter(None, (', '.join(suggestions), also)))}")


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    return get_close_matches(name, known, n=3, cutoff=0.5)


def table_network(name: str) -> Network:
    """The network called `name` in `NETWORKS`, whose input size and cost are known without torch.

    Raises `UsageError` for any other name.

    >>> table_network("v3").input_size
    299
    """
    if name not in NETWORKS:
        raise unknown_name_error("network of the table", name, tuple(NETWORKS))
    return NETWORKS[name]
