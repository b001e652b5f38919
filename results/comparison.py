"""Two runs on the same images: which images they disagree on, and whether that could be chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from results.comparable import common_blacklist, common_protocol, same_images
from results.errors import RunError, RunUsageError
from results.metrics import difference, error, mcnemar, top
from results.run import NON_BLACKLISTED, Run


@dataclass(frozen=True)
class Comparison:
    """Run `b` against run `a` under one protocol, on one image set, top-1.

    `images` has a row for each image: image, label, a, b (what each run says). Errors in percent; `interval` is that of
    the difference b - a at 95 %.
    """

    images: pd.DataFrame
    n: int
    top1_error: tuple[float, float]
    only_a_right: int
    only_b_right: int
    p_value: float
    interval: tuple[float, float]

    @property
    def flipped(self) -> pd.DataFrame:
        """The images that one run alone has right."""
        return self.images[
            (self.images["a"] == self.images["label"]) != (self.images["b"] == self.images["label"])
        ]

    def classes(self) -> pd.DataFrame:
        """A row for each class with a flipped image: label, n, gained, lost by b; the greatest change first."""
        frame = self.images.assign(
            gained=(self.images["b"] == self.images["label"]) & (self.images["a"] != self.images["label"]),
            lost=(self.images["a"] == self.images["label"]) & (self.images["b"] != self.images["label"]),
        )
        counts = (
            frame.groupby("label")
            .agg(n=("image", "size"), gained=("gained", "sum"), lost=("lost", "sum"))
            .reset_index()
        )
        counts = counts[(counts["gained"] > 0) | (counts["lost"] > 0)]
        order = (counts["gained"] - counts["lost"]).abs().sort_values(ascending=False, kind="stable").index
        return counts.loc[order].reset_index(drop=True)


def compare(a: Run, b: Run, protocol: str | None = None, image_set: str = "all") -> Comparison:
    """Compare two runs on the same images, by default under the last protocol that both have. Raises `RunError`."""
    same_images([a, b])
    name = common_protocol([a, b], protocol)
    said_a, said_b = (_said(run, name) for run in (a, b))
    if odd := sorted(set(said_a["image"]) ^ set(said_b["image"])):
        raise RunError(
            f"{odd[0]} is in only one of {a.path} and {b.path}: it was skipped in the other; repair it"
        )
    images = said_a.rename(columns={"said": "a"}).assign(b=said_b["said"])
    images = images[~images["image"].isin(_left_out([a, b], image_set))].reset_index(drop=True)
    n = len(images)
    if not n:
        raise RunError(f"no image of {a.path} is in the image set {image_set}")
    right = [(images[run] == images["label"]).to_numpy() for run in ("a", "b")]
    only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    errors = (error(int(right[0].sum()), n), error(int(right[1].sum()), n))
    return Comparison(
        images, n, errors, only_a, only_b, mcnemar(only_a, only_b), difference(only_a, only_b, n)
    )


def _said(run: Run, protocol: str) -> pd.DataFrame:
    """A row for each image: image, label, said, the class with the highest probability."""
    frames = []
    for shard in run.shards():
        ids = pd.Series(shard.ids, dtype=object)
        frames.append(
            pd.DataFrame(
                {"image": ids, "label": shard.labels, "said": top(shard.probabilities[protocol], 1)[:, 0]}
            )
        )
    return pd.concat(frames, ignore_index=True)


def _left_out(runs: Sequence[Run], image_set: str) -> frozenset[str]:
    if image_set == "all":
        return frozenset()
    if image_set != NON_BLACKLISTED:
        raise RunUsageError(f"no image set {image_set!r}: write all or {NON_BLACKLISTED}")
    if not (blacklist := common_blacklist(runs)):
        raise RunError(
            f"neither {runs[0].path} nor {runs[1].path} knows the blacklist: evaluate with --blacklist"
        )
    return frozenset(blacklist["excluded"])
