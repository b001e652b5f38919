"""From the probabilities of an image's regions to its detections."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:  # the command line takes the defaults from here, and --help waits for no numpy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Selection:
    """Which of an image's regions, for each class, become detections."""

    overlap: float = 0.3
    """Intersection over union with a likelier detection of the class above which one is dropped."""
    least_score: float = 0.01
    """Probability below which a region is no detection of a class."""
    most: int = 100
    """Detections of an image, the likeliest of all classes."""

    def check(self) -> None:
        """Raise `UsageError` for numbers that mean nothing."""
        for name in ("overlap", "least_score"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise UsageError(f"--{name.replace('_', '-')} {value:g}: write a number from 0 to 1")
        if self.most < 1:
            raise UsageError(f"--most {self.most}: write a number from 1")


def select(
    scores: "NDArray[np.float32]", box: "NDArray[np.float32]", selection: Selection
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """The (regions, classes) that are an image's detections, the likeliest first.

    `scores` are [regions x classes] and `box` [regions x 4], both corners inside. Of each class R-CNN
    (1311.2524, section 2.2) drops a region that overlaps a likelier one that is kept.
    """
    import numpy as np
    import torch
    from torchvision.ops import batched_nms

    region, category = np.nonzero(scores >= selection.least_score)
    # In double precision torchvision does the classes at once with the same result as one by one.
    candidates = torch.from_numpy(box[region].astype(np.float64))
    candidates[:, 2:] += 1  # torchvision's corners are those of areas, not pixels
    likely = torch.from_numpy(scores[region, category].astype(np.float64))
    kept = batched_nms(candidates, likely, torch.from_numpy(category), selection.overlap).numpy()
    kept = kept[: selection.most]
    return region[kept], category[kept]
