import hashlib
import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from results.class_sets import ClassSet
from results.comparison import compare
from results.errors import IncompleteRun, RunError
from results.manifest import SCHEMA
from results.run import MANIFEST, SHARDS, Run, Shard, find_run_folder, finish, write_manifest
from results.scoring import Scoring
from results.tables import accuracy, predictions
from tests.helpers import complete_run, random_manifest, random_run, random_shard, start_run, with_blacklist

SKIPPED = {"image 12": "no image"}


def save_all(run, *shards):
    """The records of shards that were saved as the run's."""
    return [shard.save(run.path / SHARDS, run.identity) for shard in shards]


def whole():
    return [random_shard(0, 10), random_shard(10, 20, skipped=SKIPPED), random_shard(20, 25)]


@pytest.fixture
def run(tmp_path):
    return complete_run(start_run(tmp_path / "run"), whole())


def test_shards_come_back_as_they_were_written(run):
    shards = list(Run.open(run.path).shards())
    for ours, written in zip(shards, whole(), strict=True):
        assert ours.ids == written.ids
        assert ours.labels.tolist() == written.labels.tolist()
        for name in ("1", "10"):
            assert np.array_equal(ours.probabilities[name], written.probabilities[name])


def test_opened_run_has_what_its_manifest_says(run):
    opened = Run.open(run.path)
    assert opened == Run.open(run.path / MANIFEST) == run
    assert opened.complete
    assert (opened.name, opened.identity) == ("v3", "x")
    assert opened.protocols == ("1", "10")
    assert opened.skipped == SKIPPED
    assert opened.excluded is None
    assert with_blacklist(run, "image 3", "image 24").excluded == {"image 3", "image 24"}
    assert with_blacklist(run).excluded == frozenset()
    assert [shard.images for shard in opened.manifest.shards] == [10, 9, 5]


def test_record_of_a_saved_shard_is_that_of_the_loaded_one(tmp_path):
    record = random_shard(10, 20, skipped=SKIPPED).save(tmp_path, "x")
    _, loaded = Shard.load(tmp_path / Shard.file_name(10, 20), "x", record.sha256)
    assert loaded == record
    assert (record.start, record.stop, record.images) == (10, 20, 9)


def test_run_is_a_manifest_and_a_folder_of_shards(run):
    files = sorted(path.relative_to(run.path).as_posix() for path in run.path.rglob("*.*"))
    assert files == [
        "manifest.json",
        "shards/00000000-00000010.safetensors",
        "shards/00000010-00000020.safetensors",
        "shards/00000020-00000025.safetensors",
    ]


def test_hashes_of_the_files_come_back(tmp_path):
    hashes = np.arange(2**64 - 10, 2**64, dtype=np.uint64)
    replace(random_shard(0, 10), content=hashes).save(tmp_path, "x")
    loaded, _ = Shard.load(tmp_path / Shard.file_name(0, 10), "x")
    assert loaded.content.tolist() == hashes.tolist()
    random_shard(0, 10).save(tmp_path, "x")
    assert Shard.load(tmp_path / Shard.file_name(0, 10), "x")[0].content is None


ROWS = np.full((10, 10), 0.1, dtype=np.float32)
NOT_A_NUMBER, INFINITE = ROWS.copy(), ROWS.copy()
NOT_A_NUMBER[9, 2], INFINITE[0, 0] = np.nan, np.inf


@pytest.mark.parametrize(
    "changes",
    [
        {"content": np.zeros(9, dtype=np.uint64)},
        {"labels": np.zeros(9, dtype=np.int64)},
        {"labels": np.zeros(11, dtype=np.int64)},
        {"probabilities": {"1": ROWS, "10": ROWS[:9]}},
        {"probabilities": {"1": NOT_A_NUMBER, "10": ROWS}},
        {"probabilities": {"1": ROWS, "10": INFINITE}},
        {"probabilities": {"1": ROWS, "10": ROWS[:, 0]}},
        {"labels": np.full(10, 10, dtype=np.int64)},
        {"labels": np.full(10, -1, dtype=np.int64)},
        {"skipped": {"image 3": "read and skipped"}},
        {"skipped": {"image 10": "one too many"}},
        {"ids": [f"image {number % 9}" for number in range(10)]},
    ],
)
def test_shard_with_parts_that_do_not_fit_is_damaged(tmp_path, changes):
    shard = replace(random_shard(0, 10), probabilities={"1": ROWS, "10": ROWS})
    shard.save(tmp_path, "x")
    Shard.load(tmp_path / Shard.file_name(0, 10), "x")
    replace(shard, **changes).save(tmp_path, "x")
    with pytest.raises(IncompleteRun, match="is damaged or belongs to another run"):
        Shard.load(tmp_path / Shard.file_name(0, 10), "x")


def test_run_with_other_class_names_than_predictions_is_refused(tmp_path):
    run = random_run(tmp_path, 1, classes=10)
    for number in (9, 10, 11):
        data = replace(run.manifest.data, classes=tuple(f"class {index}" for index in range(number)))
        named = write_manifest(run.path, replace(run.manifest, data=data))
        if number == 10:
            assert len(list(named.shards())) == 3
            continue
        with pytest.raises(RunError, match=f"names {number} classes, and its predictions are of 10: take"):
            list(named.shards())


@pytest.mark.parametrize(
    "cut", [lambda data: b"", lambda data: b"hello", lambda data: data[:-1], lambda data: data + b"x"]
)
def test_file_that_is_no_whole_shard_is_damaged(tmp_path, cut):
    random_shard(0, 10).save(tmp_path, "x")
    path = tmp_path / Shard.file_name(0, 10)
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(IncompleteRun, match="is damaged"):
        Shard.load(path, "x")


def test_folder_in_place_of_a_shard_is_damaged(tmp_path):
    (tmp_path / Shard.file_name(0, 10)).mkdir()
    with pytest.raises(IncompleteRun, match="is damaged"):
        Shard.load(tmp_path / Shard.file_name(0, 10), "x")


def test_shard_under_the_name_of_another_range_is_damaged(tmp_path):
    random_shard(0, 10).save(tmp_path, "x")
    path = (tmp_path / Shard.file_name(0, 10)).rename(tmp_path / Shard.file_name(10, 20))
    with pytest.raises(IncompleteRun, match="is damaged"):
        Shard.load(path, "x")


def metadata_of(data):
    """What a shard's file says of itself beside its arrays."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["shard"])


def swap_protocols(arrays, _):
    one, ten = arrays["probabilities/1"], arrays["probabilities/10"]
    arrays.update({"probabilities/1": ten, "probabilities/10": one})


@pytest.mark.parametrize(
    "edit",
    [
        lambda arrays, _: arrays.update(labels=arrays["labels"][::-1].copy()),
        lambda arrays, _: arrays.update(labels=arrays["labels"].view(np.uint64)),
        lambda arrays, _: arrays.update(content=arrays["content"][::-1].copy()),
        lambda arrays, _: arrays.pop("content"),
        swap_protocols,
        lambda arrays, _: arrays.update({"probabilities/1": arrays["probabilities/1"].reshape(9, 5, 2)}),
        lambda _, metadata: metadata["ids"].reverse(),
        lambda _, metadata: metadata["skipped"].update({"image 3": "another reason"}),
        lambda _, metadata: metadata.update(run="y"),
        lambda _, metadata: metadata.update(sha256="0" * 64),
    ],
)
def test_edited_shard_is_found_by_the_hash_of_its_content(tmp_path, edit):
    shard = random_shard(0, 10, skipped={"image 3": "no image"})
    path = tmp_path / Shard.file_name(0, 10)
    replace(shard, content=np.arange(9, dtype=np.uint64)).save(tmp_path, "x")
    arrays, metadata = load(path.read_bytes()), metadata_of(path.read_bytes())
    path.write_bytes(save(arrays, {"shard": json.dumps(metadata)}))
    Shard.load(path, "x")
    edit(arrays, metadata)
    path.write_bytes(save(arrays, {"shard": json.dumps(metadata)}))
    with pytest.raises(IncompleteRun, match="is damaged"):
        Shard.load(path, "x")


@pytest.mark.parametrize(
    "metadata",
    [
        {"other": "{}"},
        {"shard": "{"},
        {"shard": "[]"},
        {"shard": "{}"},
        {"shard": "[" * 100_000},
        {"shard": '{"ids": [[]], "skipped": null, "run": "x", "sha256": ""}'},
    ],
)
@pytest.mark.parametrize("arrays", [{}, {"labels": np.zeros(10, dtype=np.int64)}])
def test_arrays_that_are_no_shard_are_damaged(tmp_path, arrays, metadata):
    path = tmp_path / Shard.file_name(0, 10)
    path.write_bytes(save(arrays, metadata))
    with pytest.raises(IncompleteRun, match="is damaged"):
        Shard.load(path, "x")


def test_shard_does_not_depend_on_the_order_of_arrays_in_memory(tmp_path):
    shard = random_shard(0, 10)
    turned = {name: np.asfortranarray(array) for name, array in shard.probabilities.items()}
    assert replace(shard, probabilities=turned).save(tmp_path, "x") == shard.save(tmp_path / "usual", "x")
    loaded, _ = Shard.load(tmp_path / Shard.file_name(0, 10), "x")
    assert np.array_equal(loaded.probabilities["1"], shard.probabilities["1"])


def test_shard_does_not_depend_on_the_order_of_its_protocols(tmp_path):
    """A plan has them by their crops: 1, 2x1x5x2, 144."""
    rows = random_shard(0, 10).probabilities["1"]
    names = ["1", "2x1x5x2", "144", "dense"]
    shards = [
        replace(random_shard(0, 10), probabilities=dict.fromkeys(order, rows))
        for order in (names, sorted(names))
    ]
    assert shards[0].save(tmp_path, "x") == shards[1].save(tmp_path / "sorted", "x")
    loaded, _ = Shard.load(tmp_path / Shard.file_name(0, 10), "x")
    assert set(loaded.probabilities) == set(names)


def test_incomplete_run_gives_no_shards(tmp_path):
    run = start_run(tmp_path)
    records = save_all(run, random_shard(0, 10), random_shard(20, 25))
    with pytest.raises(IncompleteRun, match="15 of 25 images; the same eval command continues"):
        list(run.shards())
    with pytest.raises(IncompleteRun, match="15 of 25"):
        finish(run, records, {}, 0)


def test_finish_takes_records_in_any_order_but_each_once(tmp_path):
    run = start_run(tmp_path)
    records = save_all(run, *whole())
    assert finish(run, records[::-1], SKIPPED, 0).manifest.shards == tuple(records)
    with pytest.raises(IncompleteRun):
        finish(run, [*records, records[0]], SKIPPED, 0)


def test_finish_keeps_the_seconds_to_the_millisecond(tmp_path):
    run = start_run(tmp_path)
    assert finish(run, save_all(run, *whole()), SKIPPED, 12.345678).manifest.seconds == 12.346


def test_run_is_complete_if_it_was_finished_and_lists_each_shard(run):
    shards = run.manifest.shards
    assert not replace(run, manifest=replace(run.manifest, complete=False)).complete
    assert not replace(run, manifest=replace(run.manifest, shards=shards[:2])).complete
    assert not replace(run, manifest=replace(run.manifest, shards=shards[::-1])).complete


def test_run_without_images_is_complete_and_has_no_shards(tmp_path):
    run = finish(start_run(tmp_path, 0), [], {}, 0)
    assert run.complete
    assert list(run.shards()) == []


def sealed(body):
    """A manifest with the hash of itself, from its text without the closing brace."""
    return f'{body},\n  "sha256": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'


def test_manifest_without_its_fields_is_damaged_whatever_its_hash(tmp_path):
    (tmp_path / MANIFEST).write_text(sealed(f'{{\n  "schema": {SCHEMA}'))
    with pytest.raises(IncompleteRun, match="is damaged, or was edited"):
        Run.open(tmp_path)


def test_manifest_is_json_with_a_line_for_each_shard(run):
    text = (run.path / MANIFEST).read_text("ascii")
    lines = [line.removesuffix(",") for line in text.splitlines() if '"start"' in line]
    assert [json.loads(line)["start"] for line in lines] == [0, 10, 20]
    manifest = json.loads(text)
    assert (manifest["schema"], manifest["complete"], len(manifest["shards"])) == (SCHEMA, True, 3)
    assert text == sealed(text.rpartition(',\n  "sha256": ')[0])


def test_manifest_of_a_run_without_shards_has_an_empty_list(tmp_path):
    start_run(tmp_path)
    text = (tmp_path / MANIFEST).read_text()
    assert '\n  "shards": [],\n' in text
    assert json.loads(text)["shards"] == []


def test_manifest_is_ascii_and_keeps_names_that_are_not_unicode(run):
    again = write_manifest(run.path, replace(run.manifest, skipped={"Zürich \udcff": "no image"}))
    assert Run.open(run.path).manifest.skipped == again.manifest.skipped
    assert (run.path / MANIFEST).read_bytes().isascii()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_number_that_json_lacks_is_not_written_to_a_manifest(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_manifest(tmp_path, random_manifest(seconds=number))


def test_manifest_is_written_in_the_present_schema(tmp_path):
    run = write_manifest(tmp_path, random_manifest(schema=2))
    assert run.manifest.schema == Run.open(tmp_path).manifest.schema == SCHEMA


@pytest.mark.parametrize("per_mille", range(0, 1000, 37))
def test_flipped_byte_in_a_shard_is_found(run, per_mille):
    path = run.shard_path(run.parts[1])
    data = bytearray(path.read_bytes())
    data[per_mille * len(data) // 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(IncompleteRun, match="evaluates its images again; 15 of 25 images are sound"):
        list(run.shards())


@pytest.mark.parametrize("identity", ["x", "y"])
def test_shard_of_another_run_is_found(run, identity):
    """Of the same images, and whole in itself."""
    random_shard(10, 20).save(run.path / SHARDS, identity)
    with pytest.raises(
        IncompleteRun, match=r"00000010-00000020\.safetensors is damaged or belongs to .* 15 of 25 images"
    ):
        list(run.shards())
    path = run.shard_path(run.parts[1])
    with pytest.raises(IncompleteRun, match="belongs to") if identity == "y" else nullcontext():
        Shard.load(path, run.identity)


def test_image_in_two_shards_is_found(tmp_path):
    ids = [f"image {number}" for number in range(10)]
    shards = [replace(random_shard(start, start + 10), ids=ids) for start in (0, 10)]
    run = complete_run(start_run(tmp_path, 20), shards)
    with pytest.raises(IncompleteRun, match="has an image in two shards"):
        list(run.shards())


def test_image_in_one_shard_and_skipped_in_another_is_found(tmp_path):
    second = random_shard(10, 20, skipped=SKIPPED)
    shards = [random_shard(0, 10), replace(second, skipped={"image 2": "no image"})]
    run = complete_run(start_run(tmp_path, 20), shards)
    with pytest.raises(IncompleteRun, match="has an image in two shards"):
        list(run.shards())


@pytest.mark.parametrize("ids", [["image 1"] * 10, [f"image {number}" for number in range(9)]])
def test_image_twice_or_missing_in_a_shard_is_found(tmp_path, ids):
    shard = random_shard(0, 10)
    probabilities = {name: array[: len(ids)] for name, array in shard.probabilities.items()}
    run = start_run(tmp_path, 10)
    run = complete_run(
        run, [replace(shard, ids=ids, labels=shard.labels[: len(ids)], probabilities=probabilities)]
    )
    with pytest.raises(IncompleteRun, match="0 of 10"):
        list(run.shards())


@pytest.mark.parametrize("per_mille", range(0, 1000, 37))
def test_flipped_byte_in_a_manifest_is_found(run, per_mille):
    path = run.path / MANIFEST
    data = bytearray(path.read_bytes())
    data[per_mille * len(data) // 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"is damaged, or was edited|has schema"):
        Run.open(run.path)


def test_edited_manifest_is_found(run):
    path = run.path / MANIFEST
    path.write_text(path.read_text().replace('"images": 25', '"images": 20'))
    with pytest.raises(
        IncompleteRun, match="is damaged, or was edited: the same eval command writes it again"
    ):
        Run.open(run.path)


def test_missing_shard_makes_the_run_incomplete(run):
    run.shard_path(run.parts[0]).unlink()
    with pytest.raises(IncompleteRun, match=r"00000000-00000010\.safetensors is missing"):
        list(run.shards())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ("[" * 100_000, "damaged"),
        (json.dumps({"schema": "2"}), "damaged"),
        (json.dumps({"schema": 2}), "damaged"),
        (json.dumps({"schema": 2, "sha256": "x"}), "damaged"),
        (json.dumps({"schema": 1}), "schema 1, this version reads 2 to 3: use the version that wrote it"),
        (json.dumps({"schema": 4}), "schema 4, this version reads 2 to 3"),
    ],
)
def test_manifest_that_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(RunError, match=message):
        Run.open(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["schema", "plan", "shards", "data", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=100))
def test_any_other_json_and_bytes_are_no_manifest(tmp_path, data):
    (tmp_path / MANIFEST).write_bytes(data)
    with pytest.raises(RunError):
        Run.open(tmp_path)


def test_files_that_are_not_shards_are_left_alone(tmp_path):
    run = start_run(tmp_path)
    save_all(run, random_shard(0, 10))
    (tmp_path / SHARDS / "copy.safetensors").write_text("x")
    with pytest.raises(IncompleteRun, match="10 of 25"):
        list(run.shards())


def test_folder_without_manifest_is_not_a_run(tmp_path):
    with pytest.raises(RunError, match="is no run"):
        Run.open(tmp_path)


def test_manifest_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(RunError, match=r"manifest\.json cannot be read: Is a directory"):
        Run.open(tmp_path)


@pytest.mark.parametrize("letter", ["x", "\u00df", "\u5b57", "\U00020000"])
def test_name_of_a_folder_is_short_enough_in_any_script(tmp_path, letter):
    """File systems count bytes: a letter has one to four."""
    folder = find_run_folder(tmp_path, letter * 300, "1a2b3c4d5e6f")
    folder.mkdir()
    assert set(folder.name.removesuffix("-1a2b3c4d")) == {letter}
    assert find_run_folder(tmp_path, "another title", "1a2b3c4d5e6f") == folder


def test_table_predictions_and_comparison_are_those_of_the_functions(tmp_path):
    run, other = random_run(tmp_path / "a", 1), random_run(tmp_path / "b", 2)
    assert run.table().equals(accuracy([run]))
    among = Scoring(ClassSet(name="two", groups=((0,), (1,))))
    assert run.table(among).equals(accuracy([run], among))
    assert run.predictions().equals(predictions(run, "10"))
    assert run.predictions(1, names="abcdefghij").equals(predictions(run, "1", "abcdefghij"))
    for options in ({}, {"protocol": "1"}, {"scoring": among}):
        expected = compare(run, other, **options)
        found = run.compare(other, **options)
        assert found.images.equals(expected.images)
        assert repr(found) == repr(expected)
    with pytest.raises(TypeError, match="other must be a Run, not 'v4': bench"):
        run.compare("v4")


def test_predictions_name_the_classes_that_the_run_names(tmp_path):
    names = tuple("abcdefghij")
    run = random_run(tmp_path / "run", 1)
    named = Run(run.path, replace(run.manifest, data=replace(run.manifest.data, classes=names)))
    assert named.predictions().equals(predictions(named, "10", names))
