"""What the manifest says of an evaluation: its parts as typed records."""

import msgspec

from bench.data import Images
from bench.data.classes import wordnet_ids
from bench.data.devkit import Blacklist
from bench.data.file_names import validation_number
from bench.device import Runtime
from bench.options import Options
from bench.zoo.loading import LoadedNetwork
from crops import Plan
from results.manifest import (
    AgreementRecord,
    BlacklistRecord,
    DataRecord,
    ModelRecord,
    PlanRecord,
    RuntimeRecord,
)


def model_record(loaded: LoadedNetwork) -> ModelRecord:
    """The network, its weights, and what they expect of their input."""
    network, weights, preprocessing = loaded.network, loaded.weights, loaded.preprocessing
    return ModelRecord(
        name=network.name,
        paper=network.paper,
        provider=network.provider,
        architecture=network.architecture,
        tag=weights.tag,
        weights=weights.source,
        weights_sha256=weights.sha256,
        ema=weights.ema,
        parameters=network.parameters,
        multiply_adds=network.multiply_adds,
        input_size=preprocessing.size,
        mean=preprocessing.normalisation.mean,
        std=preprocessing.normalisation.std,
        interpolation=preprocessing.interpolation,
        prepared_like=loaded.prepared_like,
        outputs=loaded.outputs,
        label_order=loaded.order,
    )


def data_record(images: Images, options: Options) -> DataRecord:
    """The images and their labels."""
    return DataRecord(
        path=images.path,
        images=len(images),
        fingerprint=images.fingerprint(),
        labels=images.label_source,
        classes=None if images.classes == wordnet_ids() else images.classes,
        limit=options.limit,
        shuffle_seed=options.shuffle_seed,
        class_set=images.class_set,
        objectnet=images.objectnet,
    )


def plan_record(plan: Plan, renderer: str) -> PlanRecord:
    """The protocols, and what renders them."""
    return msgspec.convert(plan.describe() | {"renderer": renderer}, PlanRecord)


def runtime_record(runtime: Runtime) -> RuntimeRecord:
    """The device, and how it is used."""
    agreement = None
    if runtime.agreement:
        precision, same_top1, images = runtime.agreement
        agreement = AgreementRecord(precision=precision, same_top1=same_top1, images=images)
    return RuntimeRecord(
        device=str(runtime.device),
        device_name=runtime.device_name,
        precision=runtime.precision,
        batch=runtime.batch,
        workers=runtime.workers,
        streams=runtime.streams,
        compile=runtime.compile,
        agreement=agreement,
    )


def blacklist_record(blacklist: Blacklist | None, images: Images) -> BlacklistRecord | None:
    """The blacklist, and which of the images are on it; None where it is not known."""
    if blacklist is None:
        return None
    excluded = tuple(name for name in images.ids if validation_number(name) in blacklist.numbers)
    return BlacklistRecord(source=blacklist.source, sha256=blacklist.sha256, excluded=excluded)
