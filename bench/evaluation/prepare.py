"""From options and images to everything that decides the figures. Whatever is wrong with the options is
found here.
"""

from collections.abc import Callable
from typing import Any, cast

import torch

from bench.data import Images
from bench.data.class_sets import find_class_set
from bench.data.decode import LARGEST
from bench.data.devkit import Blacklist
from bench.device import PRECISIONS, configure_torch, resolve
from bench.distributed import ranks
from bench.errors import UsageError
from bench.evaluation.device_chunk import can_render
from bench.evaluation.evaluation import Evaluation
from bench.evaluation.findings import examine_weights, report_notes
from bench.evaluation.graph_runtime import runtime_of_graph
from bench.evaluation.precision import settle_precision
from bench.evaluation.render import RENDERERS
from bench.options import Options
from bench.progress import Reporter
from bench.zoo import PROVIDERS, find
from bench.zoo.choose_weights import check_names, fetch
from bench.zoo.loading import LoadedNetwork, check_label_order, load
from bench.zoo.networks import HUB, unknown_name_error
from bench.zoo.preprocessing import StatedInput, parse_stated
from crops import (
    DIALECTS,
    IMAGE_SIZE,
    NATIVE,
    POOLS,
    Plan,
    Protocol,
    SingleView,
    native_protocol,
    parse,
    parse_scales,
)
from crops.pillow import RESAMPLING

FEW_CROPS = 10
"""From so many crops of an image on, one crop more costs at most a tenth."""


def prepare(options: Options, images: Images, blacklist: Blacklist | None, reporter: Reporter) -> Evaluation:
    """The evaluation of the images with these options, its network loaded and its precision settled.

    The images are those to evaluate, already sampled. Under torchrun every rank calls this. Raises
    `UsageError`, `crops.ProtocolError`, and `WeightsError` where the weights cannot be used.
    """
    check_options(options)
    check_some_count(images)
    listed = find(options.model)
    if options.weights is None and not listed.is_known_once_loaded:  # before weights are fetched
        check_classes(listed.classes, images, options)
    ranks().once_per_machine(lambda: fetch(options.model, options.weights))
    reporter.step(f"loading {options.model}")
    network = load_for(options)
    report_notes(examine_weights(network, options), reporter)
    return prepare_loaded(options, images, blacklist, network, reporter)


def load_for(options: Options) -> LoadedNetwork:
    """The network that the options name. Raises `UsageError` and `WeightsError`."""
    stated = parse_stated(options.input_size, options.mean, options.std)
    return load(options.model, options.weights, options.label_order, options.ema, stated)


def prepare_loaded(
    options: Options,
    images: Images,
    blacklist: Blacklist | None,
    network: LoadedNetwork,
    reporter: Reporter,
    settle: Callable[[Evaluation, Reporter], Evaluation] = settle_precision,
) -> Evaluation:
    """As `prepare`, with a network that is loaded already. `settle` chooses the precision.

    Raises `UsageError` and `crops.ProtocolError`.
    """
    check_some_count(images)
    check_classes(network.classes, images, options)
    plan = _plan(options, network)
    if network.graph:
        runtime = runtime_of_graph(network.graph, plan, options)
    else:
        _check_dense(plan, network, options)
        runtime = resolve(options).with_batch_for(plan.size)
    configure_torch(runtime)
    renderer = _renderer(options, plan, runtime.device)
    evaluation = Evaluation(options, images, blacklist, network, plan, renderer, runtime)
    return settle(evaluation, reporter)


def check_options(options: Options) -> None:
    """Raise `UsageError` or `crops.ProtocolError` for options whose values or combination mean nothing,
    whatever the images and the weights; and `DataError` for a file of classes that cannot be used.
    """
    check_names(options.model, options.weights)
    network = find(options.model)
    native = SingleView(network.provider, 1, "bicubic") if network.provider in PROVIDERS else None
    check_settings(options, network.input_size, native)


def check_settings(options: Options, size: int | None, native: SingleView | None = None) -> StatedInput:
    """As `check_options`, of all but the network and its weights; and what the options state of its input.

    `size` is the side in pixels of the network's input, None where that is not known yet. `native` is None
    where its weights have no native crop.
    """
    _check_choices(options)
    check_numbers(options)
    stated = parse_stated(options.input_size, options.mean, options.std)
    check_label_order(options.label_order)
    if options.classes is not None:
        find_class_set(options.classes)
    resolve(options)
    if options.dialect != "paper":
        _check_dialect(options)
    else:
        _protocols(options, stated.size or size, native)
    return stated


def check_classes(classes: int, images: Images, options: Options) -> None:
    """Raise `UsageError` unless a network that predicts so many classes fits the images."""
    if classes == len(images.classes):
        return
    hint = "choose another --model; a classes.txt beside images names theirs"
    if options.data == "mini":
        hint = "pass --data PATH"
    counts = f"{options.model} predicts {classes:,} classes, but {images.path} has {len(images.classes):,}"
    raise UsageError(f"{counts}: {hint}")


def check_some_count(images: Images) -> None:
    """Raise `UsageError` unless an image has a label among the classes that count."""
    if images.class_set and not len(images.scored()):
        raise UsageError(
            f"none of the {len(images):,} images in {images.path} has a label in {images.class_set.name}: "
            "choose other --classes"
        )


def _check_choices(options: Options) -> None:
    choices = {
        "pool": POOLS,
        "dialect": ("paper", *DIALECTS),
        "interpolation": ("auto", *RESAMPLING),
        "renderer": ("auto", *RENDERERS),
        "precision": ("auto", *PRECISIONS),
    }
    for name, known in choices.items():
        if getattr(options, name) not in known:
            raise unknown_name_error(name, getattr(options, name), known)


def check_numbers(options: Options) -> None:
    """Raise `UsageError` for numbers that mean nothing."""
    for name in ("batch", "workers", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}: write a number from 1")
    if options.shuffle_seed is not None and (options.limit is None or options.shuffle_seed < 0):
        raise UsageError("--shuffle-seed, a number from 0, draws the images of --limit: pass both")


def _check_dialect(options: Options) -> None:
    crop = (options.crops, options.scales, options.pool, options.interpolation)
    if crop not in (("auto", None, "mean", "auto"), ("1", None, "mean", "auto")):
        raise UsageError(
            f"--dialect {options.dialect} decides crop and resampling: "
            "leave out --crops, --scales, --pool and --interpolation"
        )
    if options.renderer in ("triton", "tensor"):
        raise UsageError(
            f"--renderer {options.renderer}: Pillow renders --dialect {options.dialect}, leave --renderer out"
        )


def _plan(options: Options, network: LoadedNetwork) -> Plan:
    expected, provider = network.preprocessing, network.network.provider
    if options.dialect != "paper":
        return expected.dialect(cast(Any, options.dialect), provider)
    protocols = _protocols(options, expected.size, expected.native(provider), public=_is_public(network))
    interpolation = expected.resampling(options.interpolation)
    return Plan(protocols, expected.size, cast(Any, options.pool), interpolation)


def _is_public(network: LoadedNetwork) -> bool:
    """Whether the weights are of a library's list, or of a repository of the hub."""
    return bool(network.weights.tag) or network.network.architecture.startswith(HUB)


def _protocols(
    options: Options, size: int | None, native: SingleView | None, *, public: bool = False
) -> tuple[Protocol, ...]:
    """The protocols for an input of `size` pixels; with None for a size that suits the scales.

    Where the weights are `public`, so that figures are published for them, the `native` crop is the default,
    and comes along wherever it costs at most a tenth.
    """
    scales = parse_scales(options.scales)
    if scales and max(scales) ** 2 > LARGEST:
        raise UsageError(
            f"--scales {options.scales}: {max(scales)} pixels are too many, "
            "images of that size are not decoded either"
        )
    size = size or min(scales or [224])
    if options.crops == NATIVE and options.interpolation != "auto":
        raise UsageError("native has an interpolation of its own: leave out --interpolation")
    protocols = parse(_crops(options, native if public else None), size, scales, native)
    asked = Plan(protocols, size)
    if public and native and NATIVE not in asked.names and asked.cost(*IMAGE_SIZE) >= FEW_CROPS:
        return (native_protocol(native), *protocols)
    return protocols


def _check_dense(plan: Plan, network: LoadedNetwork, options: Options) -> None:
    """Raise `UsageError` for dense evaluation of a module of which the pooling module is not known."""
    own = network.network.provider == "python" and not network.pool
    if own and any(protocol.dense for protocol in plan.protocols):
        raise UsageError(
            f"--crops {options.crops}: {network.network.name} has no module called avgpool or global_pool, "
            "and not exactly one nn.AdaptiveAvgPool2d, which dense evaluation replaces: leave dense out"
        )


def _crops(options: Options, native: SingleView | None) -> str:
    """`--crops`; by default `native` where there is one and no option of crop 1 is set."""
    if options.crops != "auto":
        return options.crops
    lattice = (options.scales, options.interpolation, options.pool)
    return NATIVE if native and lattice == (None, "auto", "mean") else "1"


def _renderer(options: Options, plan: Plan, device: torch.device) -> str:
    on_device = can_render(plan, device)
    if options.renderer == "triton" and not on_device:
        raise UsageError(
            "--renderer triton needs a GPU of CUDA, Triton, and crops of one size within the image: "
            "leave --renderer out"
        )
    if options.renderer != "auto":
        return options.renderer
    if options.dialect != "paper":
        return "pillow"
    if on_device:
        return "triton"
    # Alone, the crop has the very pixels of its tool, as Pillow resizes; the fast renderer is within a level.
    return "pillow" if all(protocol.single for protocol in plan.protocols) else "tensor"
