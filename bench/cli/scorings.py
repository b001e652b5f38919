"""From `--classes` and `--truth` to ways of scoring runs."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.cli.output import note
from bench.errors import UsageError

if TYPE_CHECKING:
    from results.class_sets import ClassSet
    from results.run import Run
    from results.scoring import Scoring


def read_scorings(runs: "Sequence[Run]", classes: str | None, truths: Sequence[str]) -> "list[Scoring]":
    """The ways to score runs among these classes: by their own labels, then by each of the other labels.

    Raises `UsageError` where there are no such classes or labels, or where the runs have classes of their
    own, and `DataError` for files that cannot be used.
    """
    from bench.data.truth import read_truth
    from results.scoring import Scoring

    chosen = None if classes is None else _read_classes(runs, classes)
    read = [read_truth(name, runs, note) for name in truths]
    name, count = Counter(truth.name for truth in read).most_common(1)[0] if read else ("", 0)
    if count > 1:
        raise UsageError(f"two --truth are called {name}: name each once, or rename a file")
    return [Scoring(chosen), *(Scoring(chosen, truth) for truth in read)]


def _read_classes(runs: "Sequence[Run]", classes: str) -> "ClassSet":
    from bench.data.class_sets import find_class_set
    from results.scoring import ALL_CLASSES

    chosen = find_class_set(classes)
    if chosen is None:
        return ALL_CLASSES
    if others := [run for run in runs if run.manifest.data.classes]:
        raise UsageError(f"--classes {classes}: {others[0].path} has classes of its own, leave --classes out")
    return chosen
