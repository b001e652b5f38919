import json
from dataclasses import replace

import pytest

from results.class_sets import ClassSet
from results.ensemble import ensemble
from results.errors import IncompleteRun
from results.manifest import (
    SCHEMA,
    BlacklistRecord,
    DataRecord,
    ProtocolRecord,
    decisive,
    identity_of,
    parse_manifest,
    plain,
)
from results.run import MANIFEST, Run, write_manifest
from results.storage import sha256
from tests.helpers import PLAN, random_manifest, random_run

PETS = ClassSet(name="pets", groups=((0,), (2, 3)))


def write_sealed(folder, content):
    """Write a manifest of any content, with a hash of itself that is right."""
    body = json.dumps(content, indent=2).removesuffix("\n}").encode()
    seal = f',\n  "sha256": "{sha256(body)}"\n}}\n'.encode()
    (folder / MANIFEST).write_bytes(body + seal)


def changed(content, path, value):
    """The content with another value at a path of keys; None removes the key."""
    content = json.loads(json.dumps(content))
    *keys, last = path
    inner = content
    for key in keys:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return content


@pytest.fixture
def content(stored_runs):
    """A stored manifest as JSON, without the hash of itself."""
    manifest = json.loads((stored_runs["v1"].path / MANIFEST).read_text())
    del manifest["sha256"]
    return manifest


def test_sealed_manifest_is_read(tmp_path, content, stored_runs):
    write_sealed(tmp_path, content)
    assert Run.open(tmp_path).manifest == stored_runs["v1"].manifest


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["colour"], "red"),
        (["model", "colour"], "red"),
        (["plan", "protocols", "10", "colour"], "red"),
        (["plan", "protocols", "10", "views", "colour"], "red"),
        (["shards", 0, "colour"], "red"),
        (["runtime", "colour"], "red"),
    ],
)
def test_unknown_field_is_refused(tmp_path, content, path, value):
    write_sealed(tmp_path, changed(content, path, value))
    with pytest.raises(IncompleteRun, match="is damaged, or was edited"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    "path", [["identity"], ["complete"], ["data", "images"], ["shards", 0, "sha256"], ["model", "name"]]
)
def test_missing_field_is_refused(tmp_path, content, path):
    write_sealed(tmp_path, changed(content, path, None))
    with pytest.raises(IncompleteRun, match="is damaged, or was edited"):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["complete"], "yes"),
        (["complete"], 1),
        (["data"], []),
        (["data", "images"], "12"),
        (["data", "images"], -1),
        (["shard_images"], 0),
        (["shard_images"], 2.5),
        (["shards", 0, "start"], -1),
        (["shards", 0], [0, 12]),
        (["plan", "protocols"], ["1", "10"]),
        (["plan", "protocols", "10", "crops"], 0),
        (["model", "mean"], [0.5, "0.5", 0.5]),
        (["runtime", "agreement"], "0.999"),
        (["seconds"], "long"),
    ],
)
def test_field_of_another_type_is_refused(tmp_path, content, path, value):
    write_sealed(tmp_path, changed(content, path, value))
    with pytest.raises(IncompleteRun, match="is damaged, or was edited"):
        Run.open(tmp_path)


def test_the_reason_for_a_refusal_names_the_field(content):
    for path, value, reason in (
        (["runtime", "colour"], "red", "RuntimeRecord has no field 'colour'"),
        (["data", "images"], "12", r"Expected `int`, got `str` - at `\$.data.images`"),
        (["identity"], None, "missing required field `identity`"),
        (["runtime", "precision"], "fp64", r"Expected `str` matching regex .* at `\$.runtime.precision`"),
    ):
        with pytest.raises(ValueError, match=reason):
            parse_manifest(json.dumps(changed(content, path, value)).encode())


def test_one_network_without_a_runtime_is_refused(content):
    with pytest.raises(
        ValueError, match="an ensemble and an imported run alone have no runtime, and this is neither"
    ):
        parse_manifest(json.dumps(content | {"runtime": None}).encode())


def test_imported_run_has_no_runtime_alone_or_in_an_ensemble(members, tmp_path):
    evaluated = members[0]
    model = replace(evaluated.manifest.model, provider="imported")
    imported = random_run(tmp_path / "imported", 9, model=model, runtime=None)
    assert Run.open(imported.path).manifest == imported.manifest
    run = Run.open(ensemble([evaluated, imported], tmp_path / "out").path)
    assert [member.runtime for member in run.manifest.model.members] == [evaluated.manifest.runtime, None]
    content = plain(run.manifest)
    content["model"]["members"][0]["runtime"] = None
    with pytest.raises(ValueError, match="an ensemble and an imported run alone have no runtime"):
        parse_manifest(json.dumps(content).encode())


def test_names_that_are_not_unicode_come_back(tmp_path):
    """File names are bytes; what is not UTF-8 in them is a lone surrogate in Python."""
    name = b"\xff.jpg".decode("utf-8", "surrogateescape")
    blacklist = BlacklistRecord(source=name, sha256="", excluded=(name,))
    manifest = random_manifest(skipped={name: "no image"}, blacklist=blacklist)
    write_manifest(tmp_path, manifest)
    assert Run.open(tmp_path).manifest == manifest


def test_manifest_comes_back_as_it_was_written_with_the_present_schema(tmp_path, stored_runs):
    for stored in stored_runs.values():
        write_manifest(tmp_path, stored.manifest)
        assert Run.open(tmp_path).manifest == replace(stored.manifest, schema=SCHEMA)


@pytest.mark.parametrize("name", ["v1", "v3", "dialect"])
def test_identity_of_a_stored_run_is_recomputed(stored_runs, name):
    manifest = stored_runs[name].manifest
    assert manifest.runtime
    hashes = decisive(manifest.model, manifest.data, manifest.plan, manifest.runtime, manifest.shard_images)
    assert identity_of(hashes) == manifest.identity


def test_identity_depends_on_what_decides_the_figures_alone(stored_runs):
    manifest = stored_runs["v1"].manifest
    model, data, plan, runtime = manifest.model, manifest.data, manifest.plan, manifest.runtime
    usual = decisive(model, data, plan, runtime, 409)
    same = decisive(
        replace(model, name="other", weights="elsewhere", tag="", paper="v1"),
        replace(data, path="elsewhere", labels="elsewhere", class_set=PETS),
        plan,
        replace(runtime, device="cpu:0", batch=1, workers=7, streams=1),
        409,
    )
    assert same == usual
    others = {
        "model": decisive(replace(model, label_order="ilsvrc"), data, plan, runtime, 409),
        "images or labels": decisive(model, replace(data, fingerprint="0"), plan, runtime, 409),
        "protocols": decisive(model, data, replace(plan, pool="max"), runtime, 409),
        "kind of device": decisive(model, data, plan, replace(runtime, device="cuda:1"), 409),
        "precision": decisive(model, data, plan, replace(runtime, precision="fp16"), 409),
    }
    for name, hashes in others.items():
        assert {key for key in usual if hashes[key] != usual[key]} == {name}


def test_running_average_decides_the_identity_where_a_file_has_one(stored_runs):
    manifest = stored_runs["v1"].manifest
    identities = set()
    for ema in (None, True, False):
        model = replace(manifest.model, ema=ema)
        assert ("ema" in plain(model)) == (ema is not None)
        hashes = decisive(model, manifest.data, manifest.plan, manifest.runtime, manifest.shard_images)
        identities.add(identity_of(hashes))
    assert len(identities) == 3
    assert manifest.identity in identities


def test_plain_values_leave_out_what_a_protocol_does_not_have():
    dialect = ProtocolRecord(crops=1, dialect="timm", resized=341, interpolation="bicubic", squash=False)
    assert plain(dialect) == {
        "crops": 1,
        "dialect": "timm",
        "resized": 341,
        "interpolation": "bicubic",
        "squash": False,
    }
    assert plain(PLAN)["protocols"] == {"1": {"crops": 1}, "10": {"crops": 10}}


def test_what_only_some_data_sets_have_is_not_written_for_others(tmp_path):
    usual = DataRecord(path="val", images=3)
    assert {"class_set", "objectnet"}.isdisjoint(plain(usual))
    changed = replace(usual, class_set=PETS, objectnet=True)
    written = plain(changed)
    assert written["class_set"] == {"name": "pets", "groups": [[0], [2, 3]]}
    assert written["objectnet"] is True
    write_manifest(tmp_path, random_manifest(data=changed))
    assert Run.open(tmp_path).manifest.data == changed


def test_parts_cover_all_images():
    assert random_manifest(25).parts == [range(10), range(10, 20), range(20, 25)]
    assert random_manifest(20).parts == [range(10), range(10, 20)]
    assert random_manifest(0).parts == []
