"""Tests of what the Hugging Face hub is given, read back with the hub's own client."""

import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from results.report import hub
from results.tables import accuracy
from tests.helpers import random_run


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


def test_images_of_the_validation_set_are_of_imagenet_and_entries_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_is_imagenet", lambda run: run.path.name == "a")
    runs = [random_run(tmp_path / "a", 1), random_run(tmp_path / "b", 2)]
    table = accuracy(runs)
    entries = parse_eval_result_entries(yaml.safe_load(hub.write_entries(runs, table)))
    assert [entry.value for entry in entries] == [round(100 - error, 4) for error in table["top1_error"]]
    assert [entry.dataset_id for entry in entries] == ["ILSVRC/imagenet-1k"] * 2 + ["val"] * 2
    assert entries[0].notes == "net1, protocol 1, all, 25 images, top-1 accuracy in percent"
