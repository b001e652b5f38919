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
    (predicted_a, content_a), (predicted_b, content_b) = (_predictions(run, name, common) for run in (a, b))
    if in_one := sorted(set(predicted_a["image"]) ^ set(predicted_b["image"])):
        raise RunError(
            f"{in_one[0]} is in only one of {a.path} and {b.path}: it was skipped in the other; repair it"
        )
    check_same_content(list(predicted_a["image"]), [content_a, content_b], [a.path, b.path])
    images = predicted_a.rename(columns={"predicted": "a", "right": "right_a"})
    images = images.assign(b=predicted_b["predicted"], right_b=predicted_b["right"])
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


def _predictions(run: Run, protocol: str, scoring: Scoring) -> tuple[pd.DataFrame, NDArray[np.uint64] | None]:
    """A row for each image: image, label, the predicted class, whether it is right, and whether the image
    counts; and the hashes of the images' files, where all are known.
    """
    frames, content = [], []
    for shard in run.shards():
        predicted, _ = top_predictions(shard.probabilities[protocol], scoring.classes, 1)
        judged = judge(shard, scoring)
        right, counts = np.zeros((2, len(shard.ids)), dtype=bool)
        right[judged.kept] = judged.ranks(protocol) == 0
        counts[judged.kept] = True
        columns = {
            "image": pd.Series(shard.ids, dtype=object),  # some file names are not Unicode
            "label": shard.labels,
            "predicted": predicted[:, 0],
            "right": right,
            "counts": counts,
        }
        frames.append(pd.DataFrame(columns))
        content.append(shard.content)
    known = [hashes for hashes in content if hashes is not None]
    all_known = np.concatenate(known) if len(known) == len(content) else None
    return pd.concat(frames, ignore_index=True), all_known


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
