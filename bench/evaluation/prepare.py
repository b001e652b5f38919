"""What an evaluation is made of, from options: network, plan, renderer, and what it runs on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from bench.data import Images
from bench.data.decode import LARGEST
from bench.device import Runtime, resolve
from bench.errors import UsageError
from bench.evaluation.classify import Scorer
from bench.evaluation.render import RENDERERS, Render, renderer
from bench.options import Options
from bench.zoo.loading import LoadedNetwork
from bench.zoo.networks import unknown
from crops import DIALECTS, POOLS, Dialect, Plan, dialect, parse, parse_scales
from crops.pillow import RESAMPLING


@dataclass(frozen=True)
class Setup:
    """One network, and all that decides how it looks at an image. `kind` is the renderer's."""

    network: LoadedNetwork
    runtime: Runtime
    plan: Plan | Dialect
    interpolation: str
    kind: str

    @property
    def looks(self) -> tuple[Any, ...]:
        """What networks that can share decoding and rendering have in common."""
        return self.plan, self.interpolation, self.kind, self.runtime

    def renderer(self) -> Render:
        """Raises `UsageError` where the plan cannot be rendered so."""
        return renderer(self.plan, self.kind, self.interpolation, self.runtime.device)

    def scorer(self, note: Callable[[str], None]) -> Scorer:
        own = self.plan.normalisation if isinstance(self.plan, Dialect) else None
        normalisation = own or self.network.preprocessing.normalisation
        return Scorer(self.network, self.runtime, normalisation, logits=self.plan.pool == "logits", note=note)

    def describe(self) -> dict[str, Any]:
        """The plan and the runtime as plain values, for a manifest."""
        plan = self.plan.describe() | {"interpolation": self.interpolation, "renderer": self.kind}
        return {"plan": plan, "runtime": self.runtime.describe()}


def set_up(options: Options, network: LoadedNetwork) -> Setup:
    """What the options make of a network. Raises `UsageError` or `crops.ProtocolError`."""
    runtime = resolve(options).with_batch_for(network.preprocessing.size)
    plan = _plan(options, network)
    interpolation = plan.interpolation if isinstance(plan, Dialect) else _interpolation(options, network)
    kind = (
        options.renderer
        if options.renderer != "auto"
        else "pillow"
        if isinstance(plan, Dialect)
        else "tensor"
    )
    setup = Setup(network, runtime, plan, interpolation, kind)
    setup.renderer()  # what cannot be rendered shows before a run is begun
    return setup


def check(options: Options) -> None:
    """Raise `UsageError` for options whose values or combination mean nothing."""
    choices = {
        "pool": POOLS,
        "dialect": ("paper", *DIALECTS),
        "interpolation": ("auto", *RESAMPLING),
        "renderer": ("auto", *RENDERERS),
    }
    for name, known in choices.items():
        if getattr(options, name) not in known:
            raise unknown(name, getattr(options, name), known)
    if options.dialect != "paper" and (
        options.crops,
        options.scales,
        options.pool,
        options.interpolation,
    ) != ("1", None, "mean", "auto"):
        raise UsageError(
            f"--dialect {options.dialect} settles crop and resampling: leave --crops, --scales, --pool, --interpolation away"
        )
    if options.shuffle_seed is not None and (options.limit is None or options.shuffle_seed < 0):
        raise UsageError("--shuffle-seed, a number from 0, draws the images of --limit: pass both")


def agree(classes: int, images: Images, options: Options) -> None:
    """Raise `UsageError` unless network and images are about as many classes."""
    if classes != len(images.classes):
        hint = (
            "pass --data PATH"
            if options.data == "mini"
            else "choose another --model; a classes.txt beside images names theirs"
        )
        raise UsageError(
            f"{options.model} tells {classes:,} classes apart, and {images.path} has {len(images.classes):,}: {hint}"
        )


def _plan(options: Options, network: LoadedNetwork) -> Plan | Dialect:
    expected = network.preprocessing
    if options.dialect != "paper":
        own = options.dialect == network.network.provider
        interpolation = _interpolation(options, network)
        return dialect(
            cast(Any, options.dialect),
            expected.size,
            interpolation,
            expected.crop_pct,
            squash=expected.squash,
            own=own,
        )
    scales = parse_scales(options.scales)
    if scales and max(scales) ** 2 > LARGEST:
        raise UsageError(
            f"--scales {options.scales}: {max(scales)} pixels are too many, images of that size are not decoded either"
        )
    return Plan(parse(options.crops, expected.size, scales), expected.size, cast(Any, options.pool))


def _interpolation(options: Options, network: LoadedNetwork) -> str:
    wanted = network.preprocessing.interpolation if options.interpolation == "auto" else options.interpolation
    return wanted if wanted in RESAMPLING else "bicubic"
