"""What the Hugging Face hub shows of a model: the metadata of its card, and files for `.eval_results`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from results.errors import RunUsageError
from results.report import markdown
from results.run import Run
from results.scoring import scored_in_words
from results.text import printable

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

IMAGENET = "ILSVRC/imagenet-1k"
"""The hub's name of ImageNet's data set."""

TASK = "image-classification"


def write_card(runs: Sequence[Run], table: pd.DataFrame) -> str:
    """A model card: metadata with a `model-index`, as the hub reads it, and the table as Markdown.

    `table` is that of `results.tables.accuracy` for the runs. Raises `IncompleteRun`.
    """
    from huggingface_hub.repocard_data import eval_results_to_model_index

    data_sets = _data_sets(runs)
    index: list[dict[str, Any]] = []
    for row in table.drop_duplicates("model").to_dict("records"):
        rows = table[table["model"] == row["model"]]
        index += eval_results_to_model_index(printable(row["model"]), list(_results(rows, data_sets)))
    metadata = _dump({"pipeline_tag": TASK, "model-index": index})
    return f"---\n{metadata}---\n\n# Accuracy\n\n{markdown.write(table)}"


def write_entries(runs: Sequence[Run], table: pd.DataFrame) -> str:
    """The rows as a file for the folder `.eval_results` of a model's repository, in YAML.

    An entry has one figure: the top-1 accuracy in percent. The hub shows it on the page of the data set, so
    that only ImageNet's validation images, all classes and the usual labels can have entries. Raises
    `RunUsageError` for others, and `IncompleteRun`.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    data_sets = _data_sets(runs)
    _check_on_hub(table, data_sets)
    started = {run.path.name: run.manifest.started for run in runs}
    entries = [
        EvalResultEntry(
            dataset_id=IMAGENET,
            task_id="default",
            value=_accuracy(row["top1_error"]),
            date=started[row["run"]] or None,
            notes=f"{printable(row['model'])}, {_setting(row)}, top-1 accuracy in percent",
        )
        for row in table.to_dict("records")
    ]
    return _dump(eval_result_entries_to_yaml(entries))


def _check_on_hub(table: pd.DataFrame, data_sets: Mapping[str, str]) -> None:
    """Raise `RunUsageError` where a row is of other images, classes or labels than ImageNet's."""
    for row in table.to_dict("records"):
        scored = scored_in_words(row["class_set"], row["truth"])
        if scored or data_sets[row["run"]] != IMAGENET:
            raise RunUsageError(
                f"{row['run']}{scored}: .eval_results take ImageNet's validation images, all classes and the "
                "usual labels; write a card, a .md, for others"
            )


def _results(rows: pd.DataFrame, data_sets: Mapping[str, str]) -> "Iterator[EvalResult]":
    """A result for each row and metric of one network."""
    from huggingface_hub import EvalResult

    for row in rows.to_dict("records"):
        data_set = data_sets[row["run"]]
        for k in (1, 5) if row["classes"] > 5 else (1,):
            yield EvalResult(
                task_type=TASK,
                task_name="Image Classification",
                dataset_type=data_set,
                dataset_name="ImageNet-1k" if data_set == IMAGENET else data_set,
                dataset_split="validation" if data_set == IMAGENET else None,
                metric_type="accuracy",
                metric_name=f"top-{k} accuracy, {_setting(row)}",
                metric_value=_accuracy(row[f"top{k}_error"]),
            )


def _setting(row: Mapping[Any, Any]) -> str:
    """The protocol and the images of a row, and how it was scored, in words."""
    scored = printable(scored_in_words(row["class_set"], row["truth"]))
    return f"protocol {printable(row['protocol'])}, {row['image_set']}{scored}, {row['n']:,} images"


def _accuracy(error: float) -> float:
    return round(100 - error, 4)


def _data_sets(runs: Sequence[Run]) -> dict[str, str]:
    """The data set of each run, by the name of the run's folder: the hub's name for ImageNet, else the last
    part of its place.
    """
    return {run.path.name: IMAGENET if _is_imagenet(run) else _place(run) for run in runs}


def _is_imagenet(run: Run) -> bool:
    return all(name.startswith("ILSVRC2012_val_") for name in next(run.shards()).ids)


def _place(run: Run) -> str:
    return printable(run.manifest.data.path.rstrip("/").rpartition("/")[2])


def _dump(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
