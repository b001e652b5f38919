"""Whether runs can be compared or averaged: each run once, on the same images, under the same protocols."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from results.errors import RunError, RunUsageError
from results.manifest import BlacklistRecord, DataRecord, PlanRecord
from results.run import Run

NATIVE = "native"
"""The protocol of the single crop as the provider of the weights takes it: another one for each."""


def check_each_once(runs: Sequence[Run]) -> None:
    """Raise `RunUsageError` where a run is named twice, by whatever path."""
    by_identity: dict[str, Run] = {}
    for run in runs:
        if other := by_identity.get(run.identity):
            raise RunUsageError(f"{run.path} is the same run as {other.path}: name each run once")
        by_identity[run.identity] = run


def check_same_images(runs: Sequence[Run]) -> None:
    """Raise `RunError` unless the runs are on the same images with the same labels."""
    first = runs[0]
    for run in runs:
        data, other = run.manifest.data, first.manifest.data
        if (data.fingerprint, data.classes) != (other.fingerprint, other.classes):
            raise RunError(
                f"{run.path} is on other images or labels than {first.path}: "
                f"{_describe(data)}; {_describe(other)}"
            )


def _describe(data: DataRecord) -> str:
    return f"{data.images:,} of {data.path}, labelled by {data.labels}"


def check_same_content(
    ids: Sequence[str], content: Sequence[NDArray[np.uint64] | None], paths: Sequence[Path]
) -> None:
    """Raise `RunError` where runs saw different files under the same names.

    `content` has, for each run in `paths`, the hashes of the images `ids`, or None where they are not known.
    """
    known = [(hashes, path) for hashes, path in zip(content, paths, strict=True) if hashes is not None]
    for hashes, path in known[1:]:
        first, first_path = known[0]
        differing = np.flatnonzero(hashes != first)
        if len(differing):
            more = f" and {len(differing) - 1:,} more" if len(differing) > 1 else ""
            raise RunError(
                f"{ids[differing[0]]}{more} had another content for {path} than for {first_path}, under the "
                "same name and of the same size: the same eval commands with --verify read the images again"
            )


def check_same_protocols(runs: Sequence[Run]) -> None:
    """Raise `RunError` unless the runs have the same protocols; the native crop, which comes along for some
    networks and not for others, may be missing.

    Their inputs may differ in size, if the scales differ in the same ratio. The lattice of an imported run is
    not known: the others need to have its protocol by name alone.
    """
    evaluated = [run for run in runs if not run.manifest.model.imported]
    for run in evaluated:
        first = evaluated[0]
        if _without_native(run) != _without_native(first):
            raise RunError(
                f"{run.path} has the protocols {', '.join(run.protocols)}, "
                f"{first.path} {', '.join(first.protocols)}"
            )
        plan, other = run.manifest.plan, first.manifest.plan
        if plan.pool != other.pool:
            raise RunError(
                f"{run.path} pools its crops by {plan.pool}, {first.path} by {other.pool}: "
                "evaluate both with the same --pool"
            )
        for name in _without_native(run):
            if not _same_lattice(plan, other, name):
                raise RunError(
                    f"{run.path} has other {name} crops than {first.path}: "
                    f"scales {_scales(plan, name)} against {_scales(other, name)}"
                )
    common_protocols(runs)


def _without_native(run: Run) -> list[str]:
    return [name for name in run.protocols if name != NATIVE]


def _same_lattice(a: PlanRecord, b: PlanRecord, name: str) -> bool:
    """Whether the protocol `name` has as many crops in both plans, and scales that are in the same ratio to
    the input, to half a pixel.
    """
    size_a, size_b = a.size or 1, b.size or 1
    scales_a, scales_b = a.protocols[name].scales or (), b.protocols[name].scales or ()
    if a.protocols[name].crops != b.protocols[name].crops or len(scales_a) != len(scales_b):
        return False
    half_a_pixel = 0.5 / size_a + 0.5 / size_b
    return all(abs(x / size_a - y / size_b) <= half_a_pixel for x, y in zip(scales_a, scales_b, strict=True))


def _scales(plan: PlanRecord, name: str) -> str:
    return ", ".join(map(str, plan.protocols[name].scales or ()))


def common_protocols(runs: Sequence[Run], wanted: str | None = None) -> list[str]:
    """The protocols that all runs have, `wanted` among them. Raises `RunUsageError` where there is none."""
    common = [name for name in runs[0].protocols if all(name in run.protocols for run in runs)]
    if not common or (wanted and wanted not in common):
        protocols = "; ".join(f"{run.path} has {', '.join(run.protocols)}" for run in runs)
        missing = f"protocol {wanted}" if wanted else "protocol"
        raise RunUsageError(f"no {missing} that all runs have: {protocols}")
    return common


def common_protocol(runs: Sequence[Run], wanted: str | None) -> str:
    """`wanted`, or without it the last protocol that all runs have.

    Raises `RunUsageError` where a run lacks it.
    """
    common = common_protocols(runs, wanted)
    return wanted or common[-1]


def common_blacklist(runs: Sequence[Run]) -> BlacklistRecord | None:
    """The list of the runs that have one; None where no run does. Raises `RunError` where two lists
    differ.
    """
    known = [run for run in runs if run.excluded is not None]
    for run in known[1:]:
        if run.excluded != known[0].excluded:
            raise RunError(
                f"{run.path} has another blacklist than {known[0].path}: "
                "evaluate both with the same --blacklist"
            )
    return known[0].manifest.blacklist if known else None
