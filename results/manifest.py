"""The manifest of a run, as types: what was run, on what, with what, and which shards came out of it.

Read this first to know what a run is. `Manifest` is the whole; the other classes are its parts. On disk
it is JSON with the same names; `schema` is the number of that layout.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from results.class_sets import ClassSet

SCHEMA = 3
"""The layout that is written."""

READABLE = (2, 3)
"""Those that can be read. Since 3 the shards have a hash of each image's file."""

IMPORTED = "imported"
"""The provider of a network whose predictions something else computed."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Precision = Annotated[str, msgspec.Meta(pattern="^(fp32|bf16|fp16)$")]


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """A network with its weights; or an ensemble, whose `members` say what its parts are."""

    name: str
    """As `--model` takes it, such as `v3`."""
    provider: str
    """Whose implementation it is: `timm`, `torchvision`, `pytorchcv`, `papers` (this project's); or
    `ensemble`; or `imported`.
    """
    architecture: str
    """The provider's name for it; empty for an ensemble."""
    paper: str = ""
    """The papers' name for it, where that is not `name`."""
    tag: str = ""
    """The tag of public weights; empty for a file."""
    weights: str = ""
    """Where the weights came from: a URL, a hub repository or a path. Of imported predictions, their file."""
    weights_sha256: str = ""
    """Of their file; for a network from Python, of its structure and numbers; empty for an ensemble."""
    ema: bool | None = None
    """Whether the weights are the running average of a file's weights; None where the file has no average."""
    parameters: int | None = None
    """Without auxiliary heads."""
    multiply_adds: int | None = None
    """Of the convolutions and linear layers, for one crop."""
    input_size: int | None = None
    """Side of the input in pixels."""
    mean: tuple[float, ...] = ()
    """Subtracted from each colour, whose levels go from 0 to 1."""
    std: tuple[float, ...] = ()
    """Divides each colour after that."""
    interpolation: str = ""
    """The resampling that the weights were made for."""
    prepared_like: str = ""
    """The weights whose preprocessing is used, NAME.TAG."""
    outputs: int | None = None
    """How many scores the network gives, a background class among them."""
    label_order: str = ""
    """What the outputs stand for: `wordnet`, `background-first`, `ilsvrc` or `own`."""
    members: tuple["MemberRecord", ...] = ()
    """The runs of an ensemble; empty for one network."""

    @property
    def imported(self) -> bool:
        """Whether its predictions were computed elsewhere and imported."""
        return self.provider == IMPORTED


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The labelled images."""

    path: str
    """Where they were read from."""
    images: Count
    """How many there are."""
    fingerprint: str = ""
    """sha256 of all ids, sizes and labels."""
    labels: str = ""
    """Where the labels came from."""
    classes: tuple[str, ...] | None = None
    """The names of the classes by class index; None for the 1000 of ILSVRC 2012."""
    limit: int | None = None
    """The number of images that `--limit` allowed."""
    shuffle_seed: int | None = None
    """The seed that drew them; None for the first ones."""
    class_set: ClassSet | None = None
    """The classes among which predictions are scored; None for all. No identity depends on it."""
    objectnet: bool = False
    """Whether the images are ObjectNet's: a red border was cut off them, and a label is the first of the
    classes of its group. The fingerprint depends on it.
    """


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The lattice of a protocol: its views are the product of these."""

    scale: tuple[int, ...]
    """Shorter sides of the resized image in pixels."""
    square: tuple[str, ...]
    """`centre`; `start`, the left or top one; `end`, the right or bottom one."""
    position: tuple[str, ...]
    """`centre`, a corner such as `top-left`, or `whole`, the square resized to the input."""
    mirror: tuple[bool, ...]
    """Whether the crop is flipped left to right."""


@dataclass(frozen=True, kw_only=True)
class ProtocolRecord:
    """A protocol: a lattice of crops, dense evaluation, or a single crop as a tool takes it."""

    crops: Positive
    """Views of an image; a dense view counts as one."""
    scales: tuple[int, ...] | None = None
    """Shorter sides in pixels."""
    views: Axes | str | None = None
    """The lattice, or `dense`."""
    dialect: str | None = None
    """The tool whose single crop it is."""
    resized: int | None = None
    """For a dialect: the side in pixels that the image is resized to."""
    interpolation: str | None = None
    """For a dialect: its resampling."""
    squash: bool | None = None
    """For a dialect: whether the image is warped to a square."""
    border: bool | None = None
    """For a dialect: whether the whole image is shown, with borders."""


@dataclass(frozen=True, kw_only=True)
class PlanRecord:
    """The protocols of a run, and how crops became predictions."""

    protocols: dict[str, ProtocolRecord]
    """By name, the smallest first."""
    size: int | None = None
    """Side of the network's input in pixels."""
    pool: str | None = None
    """`mean`, `logits` or `max`."""
    interpolation: str | None = None
    """The resampling of all protocols but single crops, which have their own."""
    renderer: str | None = None
    """`triton`, `tensor`, or `pillow`, the reference."""


@dataclass(frozen=True, kw_only=True)
class AgreementRecord:
    """How often half precision predicted the class that fp32 did, on single crops."""

    precision: Precision
    """`bf16` or `fp16`."""
    same_top1: Count
    """Images with the same likeliest class."""
    images: Count
    """Images compared."""


@dataclass(frozen=True, kw_only=True)
class RuntimeRecord:
    """What the run ran on."""

    device: str
    """As torch names it, such as `cuda:0`."""
    precision: Precision
    """`fp32`, `bf16` or `fp16`."""
    device_name: str = ""
    """Such as `NVIDIA H200`; for an ONNX graph with what computes it: `cpu (CPUExecutionProvider)`."""
    batch: Positive = 1
    """Crops classified at a time; the smallest that was used."""
    workers: Positive = 1
    """Threads that decode and render."""
    streams: Positive = 1
    """Threads that classify."""
    compile: bool = False
    """Whether torch.compile was used."""
    agreement: AgreementRecord | None = None
    """What decided the precision, where it was measured."""


@dataclass(frozen=True, kw_only=True)
class MemberRecord:
    """A run in an ensemble."""

    run: str
    """The name of its folder."""
    identity: str
    """As its own manifest has it."""
    model: ModelRecord
    """Its network."""
    plan: PlanRecord
    """Its protocols."""
    runtime: RuntimeRecord | None
    """None for an imported run."""


@dataclass(frozen=True, kw_only=True)
class BlacklistRecord:
    """The images that the second image set leaves out."""

    source: str
    """Where the list was read."""
    sha256: str
    """Of the list; empty where there is none, since no image could be on it."""
    excluded: tuple[str, ...]
    """Ids of the run's images that are on it."""


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """A shard's file."""

    start: Count
    """The first image."""
    stop: Count
    """The image after the last one."""
    images: Count
    """Images with a prediction; the others could not be read."""
    sha256: str
    """Of the file."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that is known of a run."""

    schema: int = SCHEMA
    """The number of this layout."""
    identity: str
    """Hash of all that decides the figures."""
    complete: bool
    """Whether every image has been evaluated."""
    model: ModelRecord
    """The network and its weights."""
    data: DataRecord
    """The images and their labels."""
    plan: PlanRecord
    """The crops."""
    runtime: RuntimeRecord | None
    """None for an ensemble, whose members have one each, and for an imported run."""
    shard_images: Positive
    """Images in a shard; the last one may have fewer."""
    blacklist: BlacklistRecord | None
    """None where it is not known which images are on the blacklist."""
    skipped: dict[str, str]
    """The reason for each image, by id, that could not be read."""
    shards: tuple[ShardRecord, ...]
    """In the order of the images; empty until the run is complete."""
    options: dict[str, Any] = field(default_factory=dict)
    """The options that were not at their defaults."""
    taken_from: str = ""
    """The run with more crops, by the name of its folder, whose predictions these are; empty where the images
    were evaluated for this run.
    """
    environments: tuple[dict[str, str | None], ...] = ()
    """Versions of the libraries, of Python and of the platform: those at the start, and any that differed
    later.
    """
    started: str = ""
    """When the run was begun, in ISO 8601, UTC."""
    seconds: float = 0.0
    """How long the evaluation took."""
    top1_hits: dict[str, Count] | None = None
    """The images whose label is the likeliest class, by protocol, for lists of runs. None until the run is
    complete, and where the program that wrote it did not count.
    """

    @property
    def parts(self) -> list[range]:
        """The ranges of images that have a shard each."""
        step = self.shard_images
        return [
            range(start, min(start + step, self.data.images)) for start in range(0, self.data.images, step)
        ]


DECIDES_MODEL = (
    *("provider", "architecture", "weights_sha256", "parameters", "multiply_adds", "input_size"),
    *("mean", "std", "interpolation", "prepared_like", "outputs", "label_order", "ema"),
)
"""The fields of `ModelRecord` that decide a run's figures. Names, and where the weights lie, do not."""

UNWRITTEN: tuple[tuple[str, Any], ...] = (
    *(("members", []), ("ema", None)),
    *(("class_set", None), ("objectnet", False)),
)
"""Fields of `ModelRecord` and `DataRecord` with values that are not written, nor part of an identity."""


def decisive(
    model: ModelRecord, data: DataRecord, plan: PlanRecord, runtime: RuntimeRecord, shard_images: int
) -> dict[str, str]:
    """A hash of each thing that decides a run's figures, by what to call it in a message.

    A path, a batch size or a number of workers is not among them.
    """
    described = plain(model)
    parts: dict[str, Any] = {
        "model": {name: described[name] for name in DECIDES_MODEL if name in described},
        "images or labels": data.fingerprint,
        "protocols": [plain(plan), shard_images],
        "kind of device": runtime.device.partition(":")[0],
        "precision": [runtime.precision, runtime.compile],
    }
    return {name: _hash(part) for name, part in parts.items()}


def identity_of(decisive_hashes: Mapping[str, str]) -> str:
    """The run's identity: one hash of those of `decisive`."""
    return _hash(decisive_hashes)


def kind_and_schema(data: bytes) -> tuple[str, int]:
    """What kind of run the JSON text says it is of, empty for one of predictions, and the number of its
    layout. Raises `ValueError` for anything else.

    >>> kind_and_schema(b'{"kind": "detections", "schema": 1, "identity": "..."}')
    ('detections', 1)
    """
    found = _convert(_from_json(data), _Layout)
    return found.kind, found.schema


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in JSON text. Raises `ValueError` for anything else: a field that is missing, unknown, or
    of another type, or an evaluated network without a runtime.
    """
    manifest = parse_as(Manifest, data)
    for network in manifest.model.members or (manifest,):
        if not (network.runtime or network.model.imported):
            raise ValueError("an ensemble and an imported run alone have no runtime, and this is neither")
    return manifest


T = TypeVar("T")


def parse_as(kind: type[T], data: bytes) -> T:
    """The record of that kind in JSON text. Raises `ValueError` where a field is missing, unknown, or of
    another type.
    """
    content = _from_json(data)
    record = _convert(content, kind)
    _check_known(content, record)
    return record


@dataclass(frozen=True, kw_only=True)
class _Layout:
    kind: str = ""
    schema: int


def _from_json(data: bytes) -> Any:
    """The value in JSON text. Not by msgspec, which refuses file names that are not Unicode."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def _convert(content: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(content, kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _check_known(content: Any, record: Any) -> None:
    """Raise `ValueError` where `content`, which became `record`, has a field that the record lacks."""
    if isinstance(record, tuple):
        for value, part in zip(content, record, strict=True):
            _check_known(value, part)
    elif isinstance(record, dict):
        for name, part in record.items():
            _check_known(content[name], part)
    elif is_dataclass(record):
        known = {item.name for item in fields(record)}
        for name, value in content.items():
            if name not in known:
                raise ValueError(f"{type(record).__name__} has no field {name!r}")
            _check_known(value, getattr(record, name))


def plain(record: Any) -> Any:
    """A record as dictionaries, lists and plain values, as JSON has it."""
    if isinstance(record, ProtocolRecord):
        return {name: value for name, value in _fields(record).items() if value is not None}
    if isinstance(record, ModelRecord | DataRecord):
        return {name: value for name, value in _fields(record).items() if (name, value) not in UNWRITTEN}
    if hasattr(record, "__dataclass_fields__"):
        return _fields(record)
    if isinstance(record, Mapping):
        return {name: plain(value) for name, value in record.items()}
    if isinstance(record, tuple | list):
        return [plain(value) for value in record]
    return record


def _fields(record: Any) -> dict[str, Any]:
    return {item.name: plain(getattr(record, item.name)) for item in fields(record)}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
