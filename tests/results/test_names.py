from dataclasses import replace

import pytest

from results.ensemble import ensemble
from results.names import adversarial_names, distinct_names, names_with_weights, network_of
from results.tables import accuracy
from tests.helpers import PLAN, random_manifest, random_run

USUAL = random_manifest()
MODEL, DATA, RUNTIME = USUAL.model, USUAL.data, USUAL.runtime


@pytest.fixture
def make_run(tmp_path):
    """A run of v3 in a folder of its own; `changes` are of the manifest's fields."""

    def make(number, **changes):
        return random_run(tmp_path / f"run{number}", number, **{"model": MODEL, **changes})

    return make


def plan_with_scales(*scales):
    protocols = {name: replace(protocol, scales=scales) for name, protocol in PLAN.protocols.items()}
    return replace(PLAN, protocols=protocols)


def weights_file(path):
    return replace(MODEL, tag="", weights=path, weights_sha256=path)


def test_imported_runs_of_one_name_are_told_apart_by_their_files(make_run):
    models = [
        replace(weights_file(f"{file}.npy"), name="v3 (imported)", provider="imported") for file in "ab"
    ]
    runs = [make_run(number, model=model, runtime=None) for number, model in enumerate(models)]
    names = distinct_names(runs)
    assert names == ["v3 (imported) (weights a.npy)", "v3 (imported) (weights b.npy)"]
    assert {network_of(name) for name in names} == {"v3 (imported)"}


@pytest.mark.parametrize(
    ("changes", "others", "names"),
    [
        ({}, {"plan": replace(PLAN, pool="max")}, ["v3 (pool mean)", "v3 (pool max)"]),
        (
            {"plan": plan_with_scales(256)},
            {"plan": plan_with_scales(256, 288)},
            ["v3 (scales 256)", "v3 (scales 256+288)"],
        ),
        (
            {"plan": replace(PLAN, interpolation="bilinear")},
            {"plan": replace(PLAN, interpolation="bicubic", pool="max")},
            ["v3 (pool mean, interpolation bilinear)", "v3 (pool max, interpolation bicubic)"],
        ),
        (
            {"model": weights_file("/weights/a.safetensors")},
            {"model": weights_file("/weights/b.safetensors")},
            ["v3 (weights a.safetensors)", "v3 (weights b.safetensors)"],
        ),
        (
            {"model": weights_file("/a/last.pth")},
            {"model": weights_file("/b/last.pth")},
            ["v3 (weights a/last.pth)", "v3 (weights b/last.pth)"],
        ),
        ({}, {"model": replace(MODEL, tag="tv_in1k")}, ["v3 (weights tf_in1k)", "v3 (weights tv_in1k)"]),
        (
            {"data": replace(DATA, path="/imagenet/val/", fingerprint="1")},
            {"data": replace(DATA, path="/imagenet-v2", labels="other", fingerprint="2")},
            ["v3 (data val)", "v3 (data imagenet-v2)"],
        ),
        (
            {"data": replace(DATA, fingerprint="1")},
            {"data": replace(DATA, limit=25, fingerprint="2")},
            ["v3 (limit none)", "v3 (limit 25)"],
        ),
        (
            {},
            {"runtime": replace(RUNTIME, precision="fp16", device="cuda:0")},
            ["v3 (precision fp32, device cpu)", "v3 (precision fp16, device cuda)"],
        ),
        (
            {"model": replace(weights_file("/a.pth"), ema=True)},
            {"model": replace(weights_file("/a.pth"), ema=False)},
            ["v3 (ema yes)", "v3 (ema no)"],
        ),
        ({}, {"runtime": replace(RUNTIME, compile=True)}, ["v3 (compile no)", "v3 (compile yes)"]),
        (
            {"identity": "1a2b3c4d5e"},
            {"identity": "6f7a8b9c0d"},
            ["v3 (run 1a2b3c4d)", "v3 (run 6f7a8b9c)"],
        ),
    ],
)
def test_runs_of_one_name_are_told_apart_by_what_differs(make_run, changes, others, names):
    runs = [make_run(1, **changes), make_run(2, **others)]
    assert distinct_names(runs) == names
    assert list(dict.fromkeys(accuracy(runs)["model"])) == names


def test_run_with_a_name_or_with_protocols_of_its_own_keeps_its_name(make_run):
    dialect = replace(PLAN, protocols={"1/timm": PLAN.protocols["1"]}, renderer="pillow")
    other = make_run(2, model=replace(MODEL, name="v4"))
    assert distinct_names([make_run(1), other, make_run(3, plan=dialect)]) == ["v3", "v4", "v3"]


def test_only_the_protocols_in_common_are_compared(make_run):
    one, ten = PLAN.protocols["1"], PLAN.protocols["10"]
    fewer = replace(PLAN, protocols={"1": replace(one, scales=(256,))})
    more = replace(PLAN, protocols={"1": replace(one, scales=(256,)), "10": replace(ten, scales=(256, 288))})
    assert distinct_names([make_run(1, plan=fewer), make_run(2, plan=more)]) == [
        "v3 (crops 1)",
        "v3 (crops 10)",
    ]


def test_where_the_same_images_and_weights_lie_is_no_difference(make_run):
    here = {"model": replace(weights_file("/a"), weights_sha256="1"), "data": replace(DATA, path="/a")}
    there = {"model": replace(weights_file("/b"), weights_sha256="1"), "data": replace(DATA, path="/b")}
    runs = [make_run(1, **here), make_run(2, **there, plan=replace(PLAN, pool="max"))]
    assert distinct_names(runs) == ["v3 (pool mean)", "v3 (pool max)"]


def test_three_runs_have_all_settings_in_which_any_two_differ(make_run):
    usual = replace(PLAN, interpolation="bilinear")
    plans = (usual, replace(usual, pool="max"), replace(usual, interpolation="bicubic"))
    assert distinct_names([make_run(number, plan=plan) for number, plan in enumerate(plans)]) == [
        "v3 (pool mean, interpolation bilinear)",
        "v3 (pool max, interpolation bilinear)",
        "v3 (pool mean, interpolation bicubic)",
    ]


def test_ensembles_are_told_apart_by_their_members(make_run, tmp_path):
    a, b, c = (make_run(number, model=weights_file(f"/weights/{number}.pth")) for number in range(3))
    runs = [ensemble(pair, tmp_path / "out") for pair in ([a, b], [a, c], [b, a])]
    assert distinct_names(runs[:2]) == ["2xv3 (weights 0.pth+1.pth)", "2xv3 (weights 0.pth+2.pth)"]
    assert distinct_names(runs[:1]) == ["2xv3"]
    assert len(set(distinct_names(runs))) == 3


def test_networks_are_named_with_their_weights(make_run, tmp_path):
    adversarial = make_run(1, model=replace(MODEL, tag="tf_adv_in1k"))
    members = [make_run(0), adversarial, make_run(2, model=weights_file("/weights/a.pth"))]
    run = ensemble(members, tmp_path)
    assert names_with_weights(run) == ["v3.tf_in1k", "v3.tf_adv_in1k", "v3=/weights/a.pth"]
    assert names_with_weights(members[0]) == ["v3.tf_in1k"]
    assert adversarial_names([run, adversarial]) == ["v3.tf_adv_in1k"]
    assert adversarial_names(members[::2]) == []
