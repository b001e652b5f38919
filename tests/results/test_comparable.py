from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from results.comparable import (
    check_each_once,
    check_same_content,
    check_same_images,
    check_same_protocols,
    common_blacklist,
    common_protocol,
    common_protocols,
)
from results.errors import RunError, RunUsageError
from results.manifest import PlanRecord, ProtocolRecord
from results.run import Run
from tests.helpers import PLAN, random_run, start_run, with_blacklist


def plan(size, *scales, **changes):
    return PlanRecord(protocols={"1": ProtocolRecord(crops=1, scales=scales)}, size=size, **changes)


def test_run_that_is_named_twice_is_refused_by_whatever_path(members):
    check_each_once(members)
    with pytest.raises(RunUsageError, match=r"run0 is the same run as .*run0: name each run once"):
        check_each_once([*members, Run.open(members[0].path / "manifest.json")])


def test_other_labels_are_refused(members, tmp_path):
    check_same_images(members)
    other = random_run(tmp_path / "other", 7, label_seed=1)
    with pytest.raises(
        RunError,
        match=r"other is on other images or labels than .*run0: 25 of val, labelled by labels.txt; 25 of val",
    ):
        check_same_images([*members, other])


def test_other_class_names_are_refused(members, tmp_path):
    data = replace(members[0].manifest.data, classes=("a", "b"))
    with pytest.raises(RunError, match="other is on other images or labels"):
        check_same_images([members[0], random_run(tmp_path / "other", 7, data=data)])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([1, 2, 3], None),
        (None, None),
        ([1, 0, 3], r"^b had another content for two than for one, under the same name"),
        ([1, 0, 0], r"^b and 1 more had another content for two than for one"),
        ([0, 0, 0], r"^a and 2 more had another content for two than for one"),
    ],
)
def test_files_with_another_content_are_refused_where_it_is_known(other, message):
    hashes = np.array([1, 2, 3], dtype=np.uint64)
    content = [None, hashes, None if other is None else np.array(other, dtype=np.uint64), hashes]
    paths = [Path(name) for name in ("unknown", "one", "two", "same")]
    with pytest.raises(RunError, match=message) if message else nullcontext():
        check_same_content(["a", "b", "c"], content, paths)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocols": {"1": ProtocolRecord(crops=1)}}, r"b has the protocols 1, .*a 1, 10"),
        ({"pool": "max"}, r"b pools its crops by max, .*a by mean: evaluate both with the same --pool"),
        (
            {"protocols": PLAN.protocols | {"1": ProtocolRecord(crops=1, scales=(96,))}, "size": 80},
            "b has other 1 crops than .*a: scales 96 against ",
        ),
        ({"protocols": PLAN.protocols | {"1": ProtocolRecord(crops=2)}}, "b has other 1 crops than"),
    ],
)
def test_other_protocols_are_refused(tmp_path, changes, message):
    a = start_run(tmp_path / "a")
    b = start_run(tmp_path / "b", plan=replace(PLAN, **changes))
    check_same_protocols([a, a])
    with pytest.raises(RunError, match=message):
        check_same_protocols([a, b])


def test_native_crop_may_be_missing_and_may_be_another_one(tmp_path):
    native = {"native": ProtocolRecord(crops=1, dialect="timm", resized=341)}
    others = {"native": ProtocolRecord(crops=1, dialect="torchvision", resized=256)}
    protocols = [PLAN.protocols, native | PLAN.protocols, others | PLAN.protocols, native]
    runs = [
        start_run(tmp_path / str(number), plan=replace(PLAN, protocols=each))
        for number, each in enumerate(protocols)
    ]
    check_same_protocols(runs[:3])
    check_same_protocols([runs[3], runs[3]])
    with pytest.raises(RunError, match=r"3 has the protocols native, .*0 1, 10"):
        check_same_protocols([runs[0], runs[3]])


@pytest.mark.parametrize(
    ("size", "scale", "same"), [(299, 341, True), (299, 342, True), (299, 352, False), (331, 378, True)]
)
def test_scales_in_the_same_ratio_to_the_input_are_the_same_protocol(tmp_path, size, scale, same):
    """256 : 224 is 341.7 : 299, and to half a pixel 341 and 342."""
    runs = [
        start_run(tmp_path / "a", plan=plan(224, 256)),
        start_run(tmp_path / "b", plan=plan(size, scale)),
    ]
    if same:
        check_same_protocols(runs)
        return
    with pytest.raises(RunError, match="has other 1 crops"):
        check_same_protocols(runs)


@pytest.mark.parametrize(("scale", "same"), [(3, True), (4, True), (5, True), (6, False), (2, False)])
def test_scales_may_differ_by_half_a_pixel_of_each(tmp_path, scale, same):
    runs = [start_run(tmp_path / "a", plan=plan(2, 4)), start_run(tmp_path / "b", plan=plan(2, scale))]
    with nullcontext() if same else pytest.raises(RunError, match="has other 1 crops"):
        check_same_protocols(runs)


@pytest.mark.parametrize(("scale", "same"), [(256, True), (260, False)])
def test_scales_are_compared_where_no_size_is_known(tmp_path, scale, same):
    runs = [
        start_run(tmp_path / "a", plan=plan(None, 256)),
        start_run(tmp_path / "b", plan=plan(None, scale)),
    ]
    with nullcontext() if same else pytest.raises(RunError, match="has other 1 crops"):
        check_same_protocols(runs)


@pytest.mark.parametrize("scales", [(256,), (256, 288, 320), ()])
def test_another_number_of_scales_is_another_protocol(tmp_path, scales):
    runs = [
        start_run(tmp_path / "a", plan=plan(224, 256, 288)),
        start_run(tmp_path / "b", plan=plan(224, *scales)),
    ]
    with pytest.raises(RunError, match="has other 1 crops"):
        check_same_protocols(runs)


def test_imported_run_needs_a_protocol_of_that_name_and_no_more(tmp_path):
    a = start_run(tmp_path / "a", plan=replace(PLAN, size=299))
    model = replace(a.manifest.model, provider="imported")
    plans = {name: PlanRecord(protocols={name: ProtocolRecord(crops=1)}) for name in ("10", "144")}
    imported = [start_run(tmp_path / name, model=model, runtime=None, plan=plans[name]) for name in plans]
    for pair in ([a, imported[0]], [imported[0], a]):
        check_same_protocols(pair)
        assert common_protocols(pair) == ["10"]
    with pytest.raises(RunUsageError, match=r"no protocol that all runs have: .*a has 1, 10; .* has 144"):
        check_same_protocols([a, imported[1]])
    b = start_run(tmp_path / "b", plan=replace(PLAN, pool="max"))
    with pytest.raises(RunError, match="b pools its crops by max"):
        check_same_protocols([imported[0], a, b])


def test_common_protocol_is_the_last_that_all_runs_have(tmp_path):
    both = start_run(tmp_path / "both")
    single = start_run(tmp_path / "single", plan=plan(224, 256))
    assert common_protocol([both, both], None) == "10"
    assert common_protocol([both, single], None) == "1"
    assert common_protocol([both, both], "1") == "1"
    assert common_protocol([both], None) == "10"
    with pytest.raises(RunUsageError, match=r"no protocol 10 that all runs have: .*both has 1, 10; .*single"):
        common_protocol([both, single], "10")
    dense = PlanRecord(protocols={"dense": ProtocolRecord(crops=5)})
    with pytest.raises(RunUsageError, match=r"no protocol that all runs have: .*both has 1, 10; .*dense"):
        common_protocol([both, start_run(tmp_path / "dense", plan=dense)], None)


def test_common_blacklist_is_that_of_the_runs_that_know_it(members):
    assert common_blacklist(members) is None
    marked = with_blacklist(members[1], "image 3")
    assert common_blacklist([members[0], marked]) == marked.manifest.blacklist
    assert common_blacklist([marked, with_blacklist(members[3], "image 3")]) == marked.manifest.blacklist
    other = with_blacklist(members[2], "image 4")
    with pytest.raises(RunError, match=r"run2 has another blacklist than .*run1"):
        common_blacklist([marked, other])
