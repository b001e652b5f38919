"""Whether runs can stand side by side: the same images, labels, protocols and blacklist, and each run once."""

from collections.abc import Sequence
from typing import Any

from results.errors import RunError, RunUsageError
from results.run import Run


def each_once(runs: Sequence[Run]) -> None:
    """Raise `RunUsageError` where a run is named twice, by whatever path."""
    seen: dict[str, Run] = {}
    for run in runs:
        if other := seen.get(run.manifest["identity"]):
            raise RunUsageError(f"{run.path} is there twice (as {other.path}): name each run once")
        seen[run.manifest["identity"]] = run


def same_images(runs: Sequence[Run]) -> None:
    """Raise `RunError` with the difference unless the runs are on the same images with the same labels; `IncompleteRun`."""
    first, wanted = runs[0], runs[0].manifest["data"]
    for run in runs:
        run.check_complete()
        data = run.manifest["data"]
        if data["fingerprint"] != wanted["fingerprint"] or data.get("classes") != wanted.get("classes"):
            ours, theirs = (
                f"{what['images']:,} of {what['path']}, labelled by {what['labels']}"
                for what in (data, wanted)
            )
            raise RunError(f"{run.path} is on other images or labels than {first.path}: {ours}; {theirs}")


def same_protocols(runs: Sequence[Run]) -> None:
    """Raise `RunError` with the difference unless the runs' protocols are the same in all but the size of their inputs."""
    first = runs[0]
    for run in runs:
        if run.protocols != first.protocols:
            raise RunError(
                f"{run.path} has the protocols {', '.join(run.protocols)}, {first.path} {', '.join(first.protocols)}"
            )
        plan, wanted = run.manifest["plan"], first.manifest["plan"]
        if plan["pool"] != wanted["pool"]:
            raise RunError(
                f"{run.path} pools its crops by {plan['pool']}, {first.path} by {wanted['pool']}: evaluate both alike"
            )
        for name in run.protocols:
            if not _alike(plan, wanted, name):
                scales = (
                    ", ".join(map(str, each["protocols"][name].get("scales", []))) for each in (plan, wanted)
                )
                raise RunError(
                    "{} has other {} crops than {}: scales {} against {}".format(
                        run.path, name, first.path, *scales
                    )
                )


def _alike(a: dict[str, Any], b: dict[str, Any], name: str) -> bool:
    """Whether a protocol is the same lattice, its scales being in the same ratio to the input, to half a pixel."""
    ours, theirs = (plan["protocols"][name] for plan in (a, b))
    size_a, size_b = (plan.get("size") or 1 for plan in (a, b))
    scales_a, scales_b = (each.get("scales", []) for each in (ours, theirs))
    if ours.get("crops") != theirs.get("crops") or len(scales_a) != len(scales_b):
        return False
    half_a_pixel = 0.5 / size_a + 0.5 / size_b
    return all(abs(x / size_a - y / size_b) <= half_a_pixel for x, y in zip(scales_a, scales_b, strict=True))


def common_protocol(runs: Sequence[Run], asked: str | None) -> str:
    """The protocol that was asked for, or the last one that all runs have. Raises `RunUsageError`."""
    common = [name for name in runs[0].protocols if all(name in run.protocols for run in runs)]
    if not common or (asked and asked not in common):
        theirs = "; ".join(f"{run.path} has {', '.join(run.protocols)}" for run in runs)
        raise RunUsageError(f"no {'protocol ' + asked if asked else 'protocol'} that all runs have: {theirs}")
    return asked or common[-1]


def common_blacklist(runs: Sequence[Run]) -> Any:
    """The entry of the runs' manifests, None where none has one. Raises `RunError` where two leave out different images."""
    known = [run for run in runs if run.excluded is not None]
    for run in known[1:]:
        if run.excluded != known[0].excluded:
            raise RunError(
                f"{run.path} was given another blacklist than {known[0].path}: evaluate both with the same --blacklist"
            )
    return known[0].manifest["blacklist"] if known else None
