"""Tests of what the Hugging Face hub is given, read back with the hub's own client."""

from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from results.class_sets import ClassSet
from results.errors import RunUsageError
from results.report import hub
from results.scoring import Scoring, Truth
from results.tables import accuracy
from tests.helpers import complete_run, random_run, start_run


def test_hub_reads_each_accuracy_of_a_card(tmp_path):
    runs = [random_run(tmp_path / "a", 1), random_run(tmp_path / "b", 2)]
    table = accuracy(runs)
    text = hub.write_card(runs, table)
    card = ModelCard(text)
    assert card.data.pipeline_tag == "image-classification"
    found = {(result.metric_name, result.metric_value) for result in card.data.eval_results}
    rows = [row for row in table.to_dict("records") if row["model"] == "net2"]
    expected = {
        (
            f"top-{k} accuracy, protocol {row['protocol']}, all, 25 images",
            round(100 - row[f"top{k}_error"], 4),
        )
        for row in rows
        for k in (1, 5)
    }
    assert expected <= found
    assert len(card.data.eval_results) == 2 * len(table)
    assert {result.dataset_type for result in card.data.eval_results} == {"val"}
    index = yaml.safe_load(text.split("---\n")[1])["model-index"]
    assert [entry["name"] for entry in index] == ["net1", "net2"]
    assert "| net1 | 10 | all | 25 |" in card.text


def validation_run(folder):
    """A run on images that are named like the first ones of the validation set."""
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(1, 26)]
    shards = [
        replace(shard, ids=ids[shard.start : shard.stop]) for shard in random_run(folder / "a", 1).shards()
    ]
    return complete_run(start_run(folder / "b"), shards)


def test_entries_of_the_validation_set_are_read(tmp_path):
    run = validation_run(tmp_path)
    table = accuracy([run])
    entries = parse_eval_result_entries(yaml.safe_load(hub.write_entries([run], table)))
    assert [entry.value for entry in entries] == [round(100 - error, 4) for error in table["top1_error"]]
    assert {entry.dataset_id for entry in entries} == {"ILSVRC/imagenet-1k"}
    assert entries[0].notes == "v3, protocol 1, all, 25 images, top-1 accuracy in percent"


def test_card_says_how_rows_were_scored_and_entries_of_such_rows_are_refused(tmp_path):
    run = validation_run(tmp_path)
    pets = ClassSet(name="pets", groups=tuple((number,) for number in range(9)))
    truth = Truth("real", {"ILSVRC2012_val_00000002": (1,)})
    for scoring, words in ((Scoring(pets), ", among pets"), (Scoring(truth=truth), ", by real")):
        table = accuracy([run], scoring)
        named = [result.metric_name for result in ModelCard(hub.write_card([run], table)).data.eval_results]
        assert named[0] == f"top-1 accuracy, protocol 1, all{words}, {table['n'][0]} images"
        with pytest.raises(RunUsageError, match=f"b{words}: .eval_results take ImageNet's validation images"):
            hub.write_entries([run], table)


def test_entries_of_other_images_are_refused(tmp_path):
    run = random_run(tmp_path / "a", 1)
    with pytest.raises(RunUsageError, match="for others"):
        hub.write_entries([run], accuracy([run]))
