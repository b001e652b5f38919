"""Which files of a data set belong to a split, by the rules of the Hugging Face hub.

The card, the data set's README.md, may declare the files of each split. Otherwise their names say it.
https://huggingface.co/docs/hub/datasets-manual-configuration and .../datasets-file-names-and-splits
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bench.data.patterns import series_of
from bench.errors import DataError

ENDINGS = (".parquet", ".tar")
"""Of files of images that can be read in place, the first ones first."""

SPLIT_WORDS = (
    ("train", "training"),
    ("validation", "valid", "val", "dev"),
    ("test", "testing", "eval", "evaluation"),
)
"""Words for the same split in the names of files."""


def packed(names: Sequence[str]) -> list[str]:
    """The parquet files, or else the WebDataset shards, among the files of a data set."""
    kinds = ([name for name in names if name.lower().endswith(ending)] for ending in ENDINGS)
    return next(filter(None, kinds), [])


def files_of_split(
    names: Sequence[str], card: Mapping[str, Any], config: str | None, split: str, data: str
) -> list[str]:
    """The files of a split, sorted; none where the data set has no such split.

    `names` are all files of the data set, and `config` is one of its configurations. Raises `DataError` where
    it has several and none is chosen.
    """
    declared = _declared_patterns(card, config, data)
    if declared is None:
        return sorted(_files_by_name(packed(names), config, split))
    patterns = declared.get(split, [])
    return sorted(name for name in packed(names) if any(fnmatchcase(name, pattern) for pattern in patterns))


def files_of_converted_split(names: Sequence[str], config: str | None, split: str, data: str) -> list[str]:
    """As `files_of_split`, of the branch in which the hub has data sets that it converted to parquet.

    There a configuration is a folder, and a split is one in it. One that is not whole is `partial-SPLIT`.
    """
    configs = sorted({name.partition("/")[0] for name in packed(names)})
    chosen = config or _default_config(configs, data)
    return sorted(name for name in packed(names) if name.startswith(f"{chosen}/{split}/"))


def split_names(names: Sequence[str], card: Mapping[str, Any], config: str | None, data: str) -> list[str]:
    """What a message calls the splits of a data set."""
    declared = _declared_patterns(card, config, data)
    return sorted(declared) if declared else sorted(set(map(series_of, packed(names))))


def class_names(card: Mapping[str, Any], config: str | None) -> tuple[str, ...]:
    """The names of the classes that the card declares for the labels; none where it does not."""
    infos = card.get("dataset_info") or []
    for info in infos if isinstance(infos, list) else [infos]:
        if config in (None, info.get("config_name")):
            for feature in info.get("features") or []:
                if isinstance(kind := feature.get("dtype"), dict) and "class_label" in kind:
                    names = kind["class_label"].get("names") or {}
                    return tuple(str(names[key]) for key in sorted(names, key=int))
    return ()


def _declared_patterns(card: Mapping[str, Any], config: str | None, data: str) -> dict[str, list[str]] | None:
    """The patterns of each split's files in the card; None where it declares none."""
    configs = {entry.get("config_name", "default"): entry for entry in card.get("configs") or []}
    if not any("data_files" in entry for entry in configs.values()):
        return None
    if config is None:
        chosen = [name for name, entry in configs.items() if entry.get("default")]
        config = chosen[0] if chosen else _default_config(list(configs), data)
    files = configs.get(config, {}).get("data_files") or []
    if isinstance(files, str) or (files and isinstance(files[0], str)):
        files = [{"split": "train", "path": files}]  # as the hub reads files without a split
    return {entry["split"]: _as_list(entry["path"]) for entry in files}


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _default_config(configs: Sequence[str], data: str) -> str:
    if "default" in configs:
        return "default"
    if len(configs) > 1:
        raise DataError(
            f"{data} has the configurations {', '.join(sorted(configs))}: "
            "write one as hf://ORG/NAME/CONFIG:SPLIT"
        )
    return next(iter(configs), "default")


def _files_by_name(names: Sequence[str], config: str | None, split: str) -> list[str]:
    """The files whose names, or their folders', have the split as a word; `data/SPLIT-00000-of-...` first."""
    if config:
        names = [name for name in names if name.startswith(f"{config}/")]
    if numbered := [name for name in names if re.match(rf"data/{re.escape(split)}-\d+-of-\d+", name)]:
        return numbered
    words = next((words for words in SPLIT_WORDS if split in words), (split,))
    found = [name for name in names if _has_word(name, words)]
    is_single = not any(_has_word(name, words) for name in names for words in SPLIT_WORDS)
    return list(names) if split == "train" and is_single else found


def _has_word(name: str, words: Sequence[str]) -> bool:
    """Whether a path has one of the words between characters that are no letters.

    >>> _has_word("imagenet1k-validation-00.tar", ["validation"]), _has_word("interval.tar", ["val"])
    (True, False)
    """
    return bool(re.search(rf"(?:^|[^A-Za-z])(?:{'|'.join(map(re.escape, words))})(?:[^A-Za-z]|$)", name))
