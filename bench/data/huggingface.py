"""Data sets of the Hugging Face hub, `hf://NAME:SPLIT`: the files of one split, fetched into its cache."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.folder import list_folder
from bench.data.patterns import check_complete, names_its_number
from bench.data.splits import class_names, files_of_converted_split, files_of_split, packed, split_names
from bench.downloads import Bar, first_cause, shown_downloads
from bench.errors import DataError, UsageError, first_line

CONVERTED = "refs/convert/parquet"
"""The branch in which the hub has a data set as parquet files that is stored as something else."""

NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""A part of the name of a data set."""

CARD = "README.md"
DOWNLOADS = 8
"""Files that are fetched at a time."""


@dataclass(frozen=True)
class Split:
    """The files of a split on this machine."""

    paths: list[Path]
    classes: tuple[str, ...]
    """The names of the classes that the data set's README.md declares."""


def find_split(data: str) -> Split:
    """The files of `hf://NAME:SPLIT`, fetched where the hub's cache does not have them.

    NAME is a data set of the hub, `ORG/NAME/CONFIG` one of its configurations, or a local folder in the same
    layout. No file of another split is fetched. An interrupted download continues. Raises `DataError`, and
    `UsageError` for another form.
    """
    name, _, split = data.removeprefix("hf://").rpartition(":")
    parts = name.split("/")
    is_local = Path(name).expanduser().is_dir() or name.startswith((".", "/", "~"))
    if (
        not name
        or not split
        or split.endswith("]")
        or not (is_local or (all(map(NAME.fullmatch, parts)) and len(parts) <= 3))
    ):
        raise UsageError(f"{data}: write hf://NAME:SPLIT, such as hf://ILSVRC/imagenet-1k:validation")
    repository, config = "/".join(parts[:2]), parts[2] if len(parts) == 3 else None
    try:
        if is_local:
            return _split_of_folder(Path(name).expanduser(), split, data)
        with shown_downloads(data):
            return _fetch(repository, config, split, data)
    except DataError:
        raise
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(
            f"{data}: its {CARD} declares splits or classes in no known form ({error!r})"
        ) from None
    except Exception as error:  # noqa: BLE001 - the client raises its own, httpx's and the system's errors
        raise _fetch_error(data, repository, error) from None


def _split_of_folder(folder: Path, split: str, data: str) -> Split:
    if not folder.is_dir():
        raise DataError(f"no images at {data}: there is no such folder")
    names = list(list_folder(folder))
    card = _read_card(folder / CARD) if CARD in names else {}
    files = files_of_split(names, card, None, split, data)
    if not files:
        raise _no_split_error(data, split, split_names(names, card, None, data))
    check_complete(files, data)
    return Split([folder / name for name in files], class_names(card, None))


def _fetch(repository: str, config: str | None, split: str, data: str) -> Split:
    names = _list_files(repository, None)
    card = _read_card(_download(repository, CARD, None)) if CARD in names else {}
    if files := files_of_split(names, card, config, split, data):
        return Split(_download_all(repository, files, None, data), class_names(card, config))
    converted = _list_files(repository, CONVERTED) if not packed(names) else []
    if files := files_of_converted_split(converted, config, split, data):
        return Split(_download_all(repository, files, CONVERTED, data), class_names(card, config))
    raise _no_split_error(
        data, split, split_names(names, card, config, data) or split_names(converted, {}, None, data)
    )


def _list_files(repository: str, branch: str | None) -> list[str]:
    """The names of all files of the data set; none where it has no such branch.

    Where the hub cannot be reached, those in the cache whose names say that none is missing.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().dataset_info(repository, revision=branch)
        return [file.rfilename for file in info.siblings or []]
    except RevisionNotFoundError:
        return []
    except Exception:
        try:
            folder = snapshot_download(
                repository, repo_type="dataset", revision=branch, local_files_only=True
            )
        except LocalEntryNotFoundError:
            folder = ""
        cached = (
            [name for name in list_folder(Path(folder)) if name == CARD or names_its_number(name)]
            if folder
            else []
        )
        if not packed(cached):
            raise
        return cached


def _download_all(repository: str, names: list[str], branch: str | None, data: str) -> list[Path]:
    check_complete(names, data)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return list(pool.map(lambda name: _download(repository, name, branch), names))


def _download(repository: str, name: str, branch: str | None) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repository, name, repo_type="dataset", revision=branch, tqdm_class=Bar))


def _read_card(path: Path) -> Mapping[str, Any]:
    """What a README.md declares in the YAML at its beginning."""
    from huggingface_hub import metadata_load

    try:
        return metadata_load(path) or {}
    except Exception as error:  # noqa: BLE001 - YAML's errors, and those of text that is no YAML
        raise DataError(
            f"{path} has a heading that cannot be read ({first_line(error)}): repair it"
        ) from None


def _no_split_error(data: str, split: str, known: list[str]) -> DataError:
    if not known:
        return DataError(
            f"{data} has neither parquet files nor WebDataset shards: fetch its images, --data PATH"
        )
    return DataError(f"{data} has no split {split!r}: it has {', '.join(known)}")


def _fetch_error(data: str, repository: str, error: Exception) -> DataError:
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    page = f"{constants.ENDPOINT}/datasets/{repository}"
    if isinstance(error, GatedRepoError):
        return DataError(
            f"{data} is gated: accept its terms at {page}, log in with `hf auth login`, and start again"
        )
    if isinstance(error, RepositoryNotFoundError):
        return DataError(
            f"{data}: there is no data set at {page}, or it is private: "
            "correct the name, or log in with `hf auth login`"
        )
    return DataError(
        f"cannot fetch {data} from the Hugging Face hub ({first_cause(error)}): "
        "the same command continues, or bring its files here and pass them as --data"
    )
