"""What the page calls its runs: short names, and the legend that has the ensembles' names in full."""

from collections.abc import Sequence

from results.names import distinct_names
from results.run import Run


def short_titles(runs: Sequence[Run]) -> list[str]:
    """A short name for each run, which no other run on the page has.

    An ensemble is called `ensemble of 4`; where several have as many networks, `ensemble of 4, no. 1`. A
    network has its full title.
    """
    names = []
    for run, title in zip(runs, full_titles(runs), strict=True):
        networks = len(run.manifest.model.members)
        names.append(f"ensemble of {networks}" if networks else title)
    return [
        name if names.count(name) == 1 else f"{name}, no. {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]


def full_titles(runs: Sequence[Run]) -> list[str]:
    """The runs' names as tables have them, with the protocol where two are the same."""
    names = distinct_names(runs)
    return [
        name if names.count(name) == 1 else f"{name} ({run.protocols[-1]})"
        for name, run in zip(names, runs, strict=True)
    ]


def legend(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """The short name and the full title of each ensemble."""
    return [
        (short, full)
        for run, short, full in zip(runs, short_titles(runs), full_titles(runs), strict=True)
        if run.manifest.model.members
    ]
