"""Two runs on the same images: where they disagree, and whether chance could explain it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.comparable import check_same_content, check_same_images, common_blacklist, common_protocol
from results.display import comparison_line, comparison_table
from results.errors import RunError, RunUsageError
from results.metrics import difference_interval, error_percent, mcnemar_p
from results.names import distinct_names
from results.run import NON_BLACKLISTED, Run
from results.scoring import AS_STORED, Scoring, common_scoring, judge, scored_in_words, top_predictions


@dataclass(frozen=True, kw_only=True, eq=False)  # frames have no equality that is true or false
class Comparison:
    """Run b beside run a, by their top-1 predictions under one protocol, on one image set."""

    names: tuple[str, str]
    """What tables call a and b."""
    protocol: str
    image_set: str
    """`all` or `non-blacklisted`."""
    scored: str
    """How the images were scored, to go behind the image set; empty for all classes and the own labels."""
    images: pd.DataFrame
    """A row for each image: image, label, a and b, the classes that the runs predict, and right_a and
    right_b, whether they are right.
    """
    n: int
    """Images."""
    top1_error: tuple[float, float]
    """Of a and of b, in percent."""
    only_a_right: int
    """Images that a alone has right."""
    only_b_right: int
    """Images that b alone has right."""
    p_value: float
    """Of McNemar's exact test."""
    interval: tuple[float, float]
    """The 95 % interval of b's error less a's, in points."""

    def __repr__(self) -> str:
        return comparison_line(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return comparison_table(self)

    @property
    def flipped(self) -> pd.DataFrame:
        """The images that one run alone has right."""
        return self.images[self.images["right_a"] != self.images["right_b"]]

    def classes(self) -> pd.DataFrame:
        """A row for each class with a flipped image: label, n, and the images that b gained and lost.

        The classes that changed most come first.
        """
        right_a, right_b = self.images["right_a"], self.images["right_b"]
        counts = (
            self.images.assign(gained=right_b & ~right_a, lost=right_a & ~right_b)
            .groupby("label")
            .agg(n=("image", "size"), gained=("gained", "sum"), lost=("lost", "sum"))
            .reset_index()
        )
        counts = counts[(counts["gained"] > 0) | (counts["lost"] > 0)]
        order = (counts["gained"] - counts["lost"]).abs().sort_values(ascending=False, kind="stable").index
        return counts.loc[order].reset_index(drop=True)


def compare(
    a: Run,
    b: Run,
    protocol: str | None = None,
    image_set: str = "all",
    scoring: Scoring = AS_STORED,
) -> Comparison:
    """Compare two runs on the same images, by default under the last protocol that both have.

    Images that do not count by `scoring` are left out. Raises `RunError`, also where the runs saw different
    files under one name.
    """
    check_same_images([a, b])
    name = common_protocol([a, b], protocol)
    common = common_scoring([a, b], scoring)
    first_a, first_b = (first_predictions(run, [name], common) for run in (a, b))
    check_same_files(a, first_a, b, first_b)
    images = first_a.images.assign(
        a=first_a.classes[name],
        right_a=first_a.right[name],
        b=first_b.classes[name],
        right_b=first_b.right[name],
    )
    counts = images.pop("counts") & ~images["image"].isin(_left_out([a, b], image_set))
    images = images[counts].reset_index(drop=True)
    n = len(images)
    if not n:
        raise RunError(
            f"no image of {a.path} is in the image set {image_set}, with a label among those that count"
        )
    right_a, right_b = images["right_a"].to_numpy(), images["right_b"].to_numpy()
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    name_a, name_b = distinct_names([a, b])
    return Comparison(
        names=(name_a, name_b),
        protocol=name,
        image_set=image_set,
        scored=scored_in_words(common.class_set, common.truth_name),
        images=images,
        n=n,
        top1_error=(error_percent(int(right_a.sum()), n), error_percent(int(right_b.sum()), n)),
        only_a_right=only_a,
        only_b_right=only_b,
        p_value=mcnemar_p(only_a, only_b),
        interval=difference_interval(only_a, only_b, n),
    )


@dataclass(frozen=True)
class FirstPredictions:
    """The likeliest class of each of a run's n images, by protocol."""

    images: pd.DataFrame
    """A row for each image: image, label, and whether it counts."""
    classes: dict[str, NDArray[np.int64]]
    """[n] the likeliest class."""
    p: dict[str, NDArray[np.float32]]
    """[n] its probability."""
    right: dict[str, NDArray[np.bool_]]
    """[n] whether it is right."""
    content: NDArray[np.uint64] | None
    """[n] the hashes of the images' files, where all are known."""


def first_predictions(run: Run, protocols: Sequence[str], scoring: Scoring) -> FirstPredictions:
    """The likeliest classes of a run under these of its protocols; `scoring` is of `Scoring.of_run`.

    Reads each shard once. Raises `IncompleteRun`.
    """
    frames, content = [], []
    classes, p, right = ({name: [] for name in protocols} for _ in range(3))  # type: ignore[var-annotated]
    for shard in run.shards():
        judged = judge(shard, scoring)
        counts = np.zeros(len(shard.ids), dtype=bool)
        counts[judged.kept] = True
        ids = pd.Series(shard.ids, dtype=object)  # some file names are not Unicode
        frames.append(pd.DataFrame({"image": ids, "label": shard.labels, "counts": counts}))
        content.append(shard.content)
        for name in protocols:
            predicted, highest = top_predictions(shard.probabilities[name], scoring.classes, 1)
            hits = np.zeros(len(shard.ids), dtype=bool)
            hits[judged.kept] = judged.ranks(name) == 0
            for parts, part in ((classes, predicted[:, 0]), (p, highest[:, 0]), (right, hits)):
                parts[name].append(part)
    known = [hashes for hashes in content if hashes is not None]
    return FirstPredictions(
        images=pd.concat(frames, ignore_index=True),
        classes={name: np.concatenate(parts) for name, parts in classes.items()},
        p={name: np.concatenate(parts) for name, parts in p.items()},
        right={name: np.concatenate(parts) for name, parts in right.items()},
        content=np.concatenate(known) if len(known) == len(content) else None,
    )


def check_same_files(a: Run, first_a: FirstPredictions, b: Run, first_b: FirstPredictions) -> None:
    """Raise `RunError` where an image is in only one of two runs, or was another file for the other one."""
    if in_one := sorted(set(first_a.images["image"]) ^ set(first_b.images["image"])):
        raise RunError(
            f"{in_one[0]} is in only one of {a.path} and {b.path}: it was skipped in the other; repair it"
        )
    check_same_content(list(first_a.images["image"]), [first_a.content, first_b.content], [a.path, b.path])


def _left_out(runs: Sequence[Run], image_set: str) -> frozenset[str]:
    """Ids of the images that are not in the image set."""
    if image_set == "all":
        return frozenset()
    if image_set != NON_BLACKLISTED:
        raise RunUsageError(f"no image set {image_set!r}: write all or {NON_BLACKLISTED}")
    blacklist = common_blacklist(runs)
    if blacklist is None and runs[0].manifest.blacklist:
        raise RunUsageError(f"no image of {runs[0].path} could be on the blacklist: leave --image-set out")
    if blacklist is None:
        raise RunError(
            f"neither {runs[0].path} nor {runs[1].path} knows the blacklist: evaluate with --blacklist"
        )
    return frozenset(blacklist.excluded)
