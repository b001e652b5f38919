"""The page's section on flips: the images that one of two runs has right, and the other wrong.

Counts and p values of every pair are computed here. The page has the predictions only for images on which
some pair disagrees, and lists those of the two runs that the reader picks.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.comparison import FirstPredictions, check_same_files, first_predictions
from results.errors import RunError
from results.metrics import mcnemar_p
from results.run import Run
from results.scoring import Scoring
from results.text import printable

PICTURES = 48
"""Most pictures of flipped images on a page."""

MOST_PREDICTIONS = 1_500_000
"""Most predictions on a page, about 5 MB. Protocols beyond it have their counts alone."""


@dataclass(frozen=True)
class Pair:
    """Two runs under a protocol, by their numbers on the page, with the images that count."""

    a: int
    b: int
    protocol: str
    n: int
    both: int
    """Images that both have right."""
    only_a: int
    only_b: int
    neither: int
    p: float
    """Of McNemar's exact test."""


@dataclass(frozen=True)
class Flips:
    """What the section shows."""

    pairs: Sequence[Pair]
    """Each two runs, under each protocol that both have."""
    refused: Sequence[tuple[int, int, str]]
    """Two runs that cannot be compared, and why."""
    data: str
    """What the script reads: JSON, compressed by gzip, in base64. It has `pairs`, whose p value is text,
    `refused`, `pictures` by the place of their image, and what `_predictions` describes.
    """


@dataclass(frozen=True)
class _Table:
    """The first predictions of all runs, with a column for each of the N images that any of them has."""

    runs: Sequence[Run]
    first: Sequence[FirstPredictions]
    images: Sequence[str]
    labels: NDArray[np.int64]
    counts: NDArray[np.bool_]
    places: Sequence[NDArray[np.intp]]
    """The columns of each run's images."""

    def spread(self, number: int, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """[N] the values of a run's images; `missing` for those that it lacks."""
        spread = np.full(len(self.images), missing, dtype=values.dtype)
        spread[self.places[number]] = values
        return spread

    def right(self, number: int, protocol: str) -> NDArray[np.bool_]:
        """[N] whether a run has an image right."""
        return self.spread(number, self.first[number].right[protocol], False)


def find_flips(
    runs: Sequence[Run],
    names: Sequence[str],
    scoring: Scoring,
    picture: Callable[[str], str] | None = None,
) -> Flips | None:
    """The flips of each two runs, on all images that count by `scoring`, which is of `Scoring.of_run`.

    `names` are those of the classes; `picture` is as `page.write` has it. None where no two runs have a
    protocol in common. Raises `IncompleteRun`.
    """
    shared = [
        (a, b, name)
        for a, b in combinations(range(len(runs)), 2)
        for name in runs[a].protocols
        if name in runs[b].protocols
    ]
    if not shared:
        return None
    table = _read(runs, scoring)
    refused = dict(_refused(table, sorted({(a, b) for a, b, _ in shared})))
    pairs = [_count(table, *each) for each in shared if each[:2] not in refused]
    lines = [(a, b, line) for (a, b), line in refused.items()]
    chosen = _choose(table, pairs)
    data = {
        "pairs": [[*list(vars(pair).values())[:-1], f"{pair.p:.3g}"] for pair in pairs],
        "refused": lines,
        **_predictions(table, chosen, names),
        "pictures": _pictures(table, pairs, chosen, picture) if picture else {},
    }
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)
    return Flips(pairs, lines, b64encode(packed).decode())


def _read(runs: Sequence[Run], scoring: Scoring) -> _Table:
    first = [first_predictions(run, run.protocols, scoring) for run in runs]
    columns: dict[str, int] = {}
    places = [
        np.array([columns.setdefault(name, len(columns)) for name in each.images["image"]]) for each in first
    ]
    labels = np.zeros(len(columns), dtype=np.int64)
    counts = np.zeros(len(columns), dtype=bool)
    for each, own in zip(first, places, strict=True):
        labels[own], counts[own] = each.images["label"], each.images["counts"]
    return _Table(runs, first, list(columns), labels, counts, places)


def _refused(table: _Table, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], str]]:
    """The pairs that did not see the same files, with the reason."""
    for a, b in pairs:
        try:
            check_same_files(table.runs[a], table.first[a], table.runs[b], table.first[b])
        except RunError as error:
            yield (a, b), printable(str(error))


def _count(table: _Table, a: int, b: int, protocol: str) -> Pair:
    counts = table.first[a].images["counts"].to_numpy()  # of b, too: both have the same images
    right_a, right_b = (table.first[number].right[protocol][counts] for number in (a, b))
    both, only_a, only_b = (
        int(chosen.sum()) for chosen in (right_a & right_b, right_a & ~right_b, right_b & ~right_a)
    )
    n = len(right_a)
    return Pair(
        a, b, protocol, n, both, only_a, only_b, n - both - only_a - only_b, mcnemar_p(only_a, only_b)
    )


@dataclass(frozen=True)
class _Choice:
    """The images on which runs disagree under a protocol."""

    runs: Sequence[int]
    """The numbers of the runs that have it."""
    columns: NDArray[np.intp]
    """The columns of the images."""


def _choose(table: _Table, pairs: Sequence[Pair]) -> dict[str, _Choice]:
    """By protocol, the largest first, as far as `MOST_PREDICTIONS` goes."""
    chosen, size = {}, 0
    for protocol in reversed(list(dict.fromkeys(pair.protocol for pair in pairs))):
        runs = sorted({run for pair in pairs if pair.protocol == protocol for run in (pair.a, pair.b)})
        right = np.stack([table.right(run, protocol) for run in runs])
        columns = np.flatnonzero(table.counts & right.any(axis=0) & ~right.all(axis=0))
        size += len(columns) * len(runs)
        if size <= MOST_PREDICTIONS:
            chosen[protocol] = _Choice(runs, columns)
    return chosen


def _kept(chosen: dict[str, _Choice]) -> NDArray[np.intp]:
    """The columns of all images on which some runs disagree."""
    return np.unique(np.concatenate([np.zeros(0, np.intp), *(each.columns for each in chosen.values())]))


def _predictions(table: _Table, chosen: dict[str, _Choice], names: Sequence[str]) -> dict[str, Any]:
    """What the script needs to list flips.

    - `images`, `labels`: of the images on which some runs disagree;
    - `names`, `sizes`: of the classes by index, and how many images have them as label;
    - `lists`: by protocol, the places of its `images` among these, and for each of its `runs` the predicted
      `classes`, as -1 - class where that is wrong, and their probabilities `p` in tenths of a percent.
    """
    kept = _kept(chosen)
    labels = table.labels[kept].tolist()
    lists, named = {}, set(labels)
    for protocol, choice in chosen.items():
        classes, p = [], []
        for run in choice.runs:
            predicted = table.spread(run, table.first[run].classes[protocol], 0)[choice.columns]
            right = table.right(run, protocol)[choice.columns]
            shares = table.spread(run, table.first[run].p[protocol], 0.0)[choice.columns]
            named.update(predicted.tolist())
            classes.append(np.where(right, predicted, -1 - predicted).tolist())
            p.append((1000 * shares).round().astype(int).tolist())
        places = np.searchsorted(kept, choice.columns).tolist()
        lists[protocol] = {"images": places, "runs": choice.runs, "classes": classes, "p": p}
    sizes = np.bincount(table.labels[table.counts])
    return {
        "images": [printable(table.images[column]) for column in kept],
        "labels": labels,
        "names": {index: printable(names[index]) for index in sorted(named)},
        "sizes": {label: int(sizes[label]) for label in sorted(set(labels))},
        "lists": lists,
    }


def _pictures(
    table: _Table, pairs: Sequence[Pair], chosen: dict[str, _Choice], picture: Callable[[str], str]
) -> dict[int, str]:
    """Pictures by the place of the image among those on which runs disagree.

    They are shared out among the pairs: of each, under its last protocol, those that a run has wrong with the
    highest probabilities.
    """
    last = {(pair.a, pair.b): pair.protocol for pair in pairs if pair.protocol in chosen}
    surest = [_surest_mistakes(table, a, b, chosen[name], name) for (a, b), name in last.items()]
    in_turn = (column for row in zip_longest(*surest) for column in row if column is not None)
    shown = list(islice(dict.fromkeys(in_turn), PICTURES))
    places = np.searchsorted(_kept(chosen), np.array(shown, dtype=np.intp)).tolist()
    found = ((place, picture(table.images[column])) for place, column in zip(places, shown, strict=True))
    return {place: address for place, address in found if address}


def _surest_mistakes(table: _Table, a: int, b: int, choice: _Choice, protocol: str) -> list[int]:
    """Columns of flipped images, those first that a run has wrong with the highest probability; not more than
    are shown.
    """
    right_a, right_b = (table.right(run, protocol)[choice.columns] for run in (a, b))
    p_a, p_b = (table.spread(run, table.first[run].p[protocol], 0.0)[choice.columns] for run in (a, b))
    flipped = np.flatnonzero(right_a != right_b)
    order = np.argsort(-np.where(right_a, p_b, p_a)[flipped], kind="stable")[:PICTURES]
    return list(choice.columns[flipped[order]].tolist())
