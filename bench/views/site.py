"""A site of the runs in a folder: a page for each run, one for runs on the same images, and an index."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.errors import UsageError
from bench.views.page import page
from bench.views.thumbnails import Note
from results.errors import HoldsDetections, RunError
from results.report.html.charts import runtime
from results.report.html.page import SHARED_SCRIPT
from results.report.html.site import Entry, Group, write_index
from results.run import MANIFEST, Run
from results.run_list import list_runs
from results.scoring import AS_STORED
from results.storage import parse_path, reaching, read, remove, sha256, write
from results.tables import accuracy

INDEX = "index.html"

RECORD = "site.json"
"""The file that says which pages are ours, and what each was made from."""


@dataclass(frozen=True)
class Found:
    """The runs in a folder."""

    groups: Sequence[Group]
    incomplete: Sequence[tuple[str, str]]
    """Those that are incomplete or damaged, or cannot be read, with the line that says so."""
    left_out: Sequence[tuple[str, str]]
    """Copies of other runs, and runs of detections, with the line that says so."""


def write_site(
    folder: Path,
    target: Path,
    write_text: Callable[[str, str], None],
    *,
    data: str | None,
    note: Note,
    calibration: bool = False,
) -> Found:
    """Write the site into the folder `target`, pages by `write_text(path, text)`; what it shows comes back.

    Every run is read and verified. A page stays as it is where its runs and options are the same; one whose
    runs are gone is removed. Data, note and calibration as `page` has them. Raises `UsageError` where
    `target` is not for a site, and `RunError` where the folder has no runs.
    """
    before = _read_record(target)
    found = _find(folder)
    if not (found.groups or found.incomplete):
        raise RunError(f"{folder} has no runs: name a folder that eval wrote runs into, --out")
    made: dict[str, str] = {}
    _record(target, before)  # from here on the folder is ours, also after an interruption
    for group in found.groups:
        pages = {entry.page: [entry.run] for entry in group.entries}
        if group.page:
            pages[group.page] = [entry.run for entry in group.entries]
        for name, runs in pages.items():
            made[name] = _key(runs, data, calibration)
            if before.get(name) != made[name] or not (target / name).exists():
                text = page(runs, [AS_STORED], data=data, note=note, calibration=calibration, home=INDEX)
                write_text(str(target / name), text)
                _record(target, before | made)
    for name in before.keys() - made.keys():
        remove(target / name)
    _record(target, made)
    write(target / SHARED_SCRIPT, runtime().encode())
    write_text(
        str(target / INDEX), write_index(str(folder), found.groups, [*found.incomplete, *found.left_out])
    )
    return found


def _find(folder: Path) -> Found:
    grouped: dict[object, list[Run]] = {}
    by_identity: dict[str, Run] = {}
    incomplete, left_out = [], []
    tables = {}
    for path in sorted(parse_path(listed.run) for listed in list_runs(folder)):
        try:
            run = Run.open(path)
            table = accuracy([run])
        except HoldsDetections as error:
            left_out.append((path.name, str(error)))
            continue
        except RunError as error:
            incomplete.append((path.name, str(error)))
            continue
        if other := by_identity.get(run.identity):
            left_out.append((path.name, f"{path} is the same run as {other.path}, which is counted once"))
            continue
        by_identity[run.identity] = run
        tables[run.identity] = table
        manifest = run.manifest.data
        grouped.setdefault((manifest.fingerprint, manifest.classes, manifest.class_set), []).append(run)
    names = {INDEX}
    groups = []
    for runs in grouped.values():
        entries = [Entry(run, _new_name(run.path.name, names), tables[run.identity]) for run in runs]
        together = f"images-{sha256(runs[0].manifest.data.fingerprint.encode())[:8]}"
        groups.append(Group(entries, _new_name(together, names) if len(runs) > 1 else ""))
    return Found(groups, incomplete, left_out)


def _new_name(stem: str, names: set[str]) -> str:
    """The name of a page that no other page has, and adds it to those."""
    while f"{stem}.html" in names:
        stem += "-run"
    names.add(f"{stem}.html")
    return f"{stem}.html"


def _key(runs: Sequence[Run], data: str | None, calibration: bool) -> str:
    """What a page is made from: the manifests, which have the hashes of the predictions, and the options."""
    manifests = [sha256(read(run.path / MANIFEST)) for run in runs]
    return sha256(json.dumps([version("inception-bench"), data, calibration, manifests]).encode())


def _read_record(target: Path) -> dict[str, str]:
    """What the pages of an earlier call were made from, by name; empty where there is nothing yet.

    Raises `UsageError` where `target` is a file, or a folder with something else in it.
    """
    with reaching(target):
        if not target.exists():
            return {}
        if not target.is_dir():
            raise UsageError(f"{target} is a file: name a folder for the site")
        if not any(target.iterdir()):
            return {}
    try:
        pages = json.loads(read(target / RECORD))["pages of inception-bench"]
        return {name: str(key) for name, key in pages.items() if _is_page(name)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise UsageError(
            f"{target} has files in it that are no site's: name a new or an empty folder"
        ) from None


def _is_page(name: str) -> bool:
    """Whether a file of the site can have this name, which is nowhere else.

    >>> _is_page("v3.html"), _is_page("../v3.html"), _is_page("..")
    (True, False, False)
    """
    return name.endswith(".html") and Path(name).name == name


def _record(target: Path, pages: dict[str, str]) -> None:
    write(target / RECORD, (json.dumps({"pages of inception-bench": pages}, indent=1) + "\n").encode())
