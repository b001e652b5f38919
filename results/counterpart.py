"""The clean counterpart of a run on images such as ImageNet-A's: the same network on validation images."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from results.manifest import DECIDES_MODEL, Manifest, PlanRecord
from results.run import Run, readable_runs
from results.tables import accuracy


def find_clean_run(run: Run, folder: Path) -> Run | None:
    """A complete run in a folder of runs, over all classes, of the same network on validation images, under
    the protocols of `run` or more; of several the one with most images.

    None where there is none, and where `run` is over all classes or on validation images itself.
    """
    if not run.manifest.data.class_set or _on_validation_images(run.manifest):
        return None
    found = []
    with suppress(OSError):  # without the folder there is none
        for other in readable_runs(folder):
            data = other.manifest.data
            over_all_classes = data.class_set is None and data.classes is None
            if other.complete and over_all_classes and _on_validation_images(other.manifest):
                found += [other] if _same_network(run.manifest, other.manifest) else []
    return max(found, key=lambda other: other.manifest.data.images, default=None)


def accuracy_beside(run: Run, clean: Run) -> pd.DataFrame:
    """The table of both runs among the classes of `run`, under its protocols. Raises as `accuracy` does."""
    assert run.manifest.data.class_set
    table = accuracy([run, clean])
    among = table["class_set"] == run.manifest.data.class_set.name
    return table[among & table["protocol"].isin(run.protocols)].reset_index(drop=True)


def _on_validation_images(manifest: Manifest) -> bool:
    """Whether any image is one of the validation set by its name, and so could be on the blacklist."""
    return manifest.blacklist is None or bool(manifest.blacklist.sha256)


def _same_network(one: Manifest, other: Manifest) -> bool:
    """Whether the second has the network or the ensemble of the first, and all its protocols."""
    protocols = other.plan.protocols
    has_all = all(protocols.get(name) == protocol for name, protocol in one.plan.protocols.items())
    return has_all and _pooling(one.plan) == _pooling(other.plan) and _models(one) == _models(other)


def _pooling(plan: PlanRecord) -> PlanRecord:
    return replace(plan, protocols={}, renderer=None)


def _models(manifest: Manifest) -> list[list[object]]:
    """What decides the figures of each network; its name where its weights are not known, as of an import."""
    models = [member.model for member in manifest.model.members] or [manifest.model]
    return [
        [model.weights_sha256 or model.name, *(getattr(model, name) for name in DECIDES_MODEL)]
        for model in models
    ]
