"""What a run's manifest says of the evaluation."""

from dataclasses import replace

import torch

from bench.data import open_images
from bench.data.devkit import Blacklist
from bench.device import Runtime
from bench.evaluation.records import blacklist_record, data_record, plan_record, runtime_record
from bench.options import Options
from crops import Plan, dialect_plan, native_view, parse

RUNTIME = Runtime(torch.device("cpu"), "fp32", 4, workers=2, streams=1, compile=False)


def test_data_are_described_with_their_own_classes():
    images = open_images("mini").sample(30, 5)
    record = data_record(images, Options(limit=30, shuffle_seed=5))
    assert (record.images, record.limit, record.shuffle_seed) == (30, 30, 5)
    assert record.classes == images.classes
    assert record.fingerprint == images.fingerprint()


def test_classes_of_imagenet_are_not_listed(photos):
    assert data_record(open_images(str(photos)), Options()).classes is None


def test_plan_is_described_with_its_renderer():
    record = plan_record(Plan(parse("10", 224), 224), "tensor")
    assert list(record.protocols) == ["1", "10"]
    assert record.protocols["10"].scales == (256,)
    assert record.renderer == "tensor"


def test_dialect_is_described_as_a_protocol():
    plan = dialect_plan("timm", 224, native_view("timm", 224, "bicubic", 0.875))
    record = plan_record(plan, "pillow")
    assert record.protocols["1/timm"].dialect == "timm"
    assert record.protocols["1/timm"].crops == 1


def test_runtime_has_the_images_on_which_precisions_agree():
    assert runtime_record(RUNTIME).agreement is None
    agreement = runtime_record(replace(RUNTIME, agreement=("fp16", 999, 1000))).agreement
    assert (agreement.precision, agreement.same_top1, agreement.images) == ("fp16", 999, 1000)


def test_blacklist_lists_those_of_the_images_that_are_on_it():
    images = open_images("mini").sample(10, None)
    record = blacklist_record(Blacklist(frozenset({2, 9, 500}), "here", "hash"), images)
    assert record.excluded == ("mini_val_00000002", "mini_val_00000009")
    assert blacklist_record(None, images) is None
