"""Sets of classes among which predictions are scored, such as the 200 of ImageNet-A."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ClassSet:
    """Some of a run's classes. The scores of the others are left out before a prediction is made."""

    name: str
    """Such as `imagenet-a`, or where the set was read from."""
    groups: tuple[tuple[int, ...], ...]
    """The class indices of each class of the set. Several are one class, as where ObjectNet's are wider."""

    def project(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n x classes] -> [n x groups] the highest probability of each group.

        >>> pets = ClassSet(name="pets", groups=((0,), (2, 3)))
        >>> pets.project(np.array([[0.1, 0.5, 0.3, 0.1]], dtype=np.float32))
        array([[0.1, 0.3]], dtype=float32)
        """
        first = np.cumsum([0, *map(len, self.groups[:-1])])
        members = probabilities[:, np.concatenate(self.groups)]
        return np.maximum.reduceat(members, first, axis=1)

    def group_of(self, classes: int) -> NDArray[np.int64]:
        """[classes] the group that each class index is in; -1 where it is in none.

        >>> ClassSet(name="pets", groups=((0,), (2, 3))).group_of(5)
        array([ 0, -1,  1,  1, -1])
        """
        found = np.full(classes, -1, dtype=np.int64)
        for number, group in enumerate(self.groups):
            found[list(group)] = number
        return found
