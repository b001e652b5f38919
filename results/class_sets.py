"""Sets of classes among which predictions are scored, such as the 200 of ImageNet-A."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.metrics import label_ranks


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

    def widen(self, classes: int) -> "ClassSet":
        """The same groups, and each class beside them alone: no score is left out.

        >>> ClassSet(name="pets", groups=((0,), (2, 3))).widen(5)
        ClassSet(name='pets among all', groups=((0,), (2, 3), (1,), (4,)))
        """
        others = np.flatnonzero(self.group_of(classes) < 0).tolist()
        if not others:
            return self
        return ClassSet(name=f"{self.name} among all", groups=(*self.groups, *((each,) for each in others)))

    def label_ranks(self, probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """[m] how many groups are ahead of the label's, from [n x classes] and [n]; 0 where it is first.

        Only images count whose label is in the set.

        >>> pets = ClassSet(name="pets", groups=((0,), (2, 3)))
        >>> pets.label_ranks(np.array([[0.3, 0.5, 0.2, 0.1], [0.2, 0.5, 0.3, 0]]), np.array([2, 1]))
        array([1])
        """
        group = self.group_of(probabilities.shape[1])[labels]
        kept = group >= 0
        return label_ranks(self.project(probabilities[kept]), group[kept])

    def group_of(self, classes: int) -> NDArray[np.int64]:
        """[classes] the group that each class index is in; -1 where it is in none.

        >>> ClassSet(name="pets", groups=((0,), (2, 3))).group_of(5)
        array([ 0, -1,  1,  1, -1])
        """
        found = np.full(classes, -1, dtype=np.int64)
        for number, group in enumerate(self.groups):
            found[list(group)] = number
        return found
