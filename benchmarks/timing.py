"""Interleaved timing, and ratios with their spread.

A ratio of times on one machine means something elsewhere, too. Seconds do not.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def time_interleaved(
    works: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """The seconds that each work took in each round, by its name. In each round every work runs once.

    A first round, which warms up, does not count. `time.process_time` as `clock` counts the seconds that the
    process's threads computed, whatever else the machine did.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for number in range(1 + rounds):
        for name, work in works.items():
            began = clock()
            work()
            if number > 0:
                seconds[name].append(clock() - began)
    return seconds


def format_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> str:
    """The median of the rounds' ratios, with the lowest and the highest.

    >>> format_ratio([2.0, 3.0, 6.0], [1.0, 1.0, 1.5])
    '3.00 (2.00 to 4.00)'
    """
    ratios = [above / below for above, below in zip(numerators, denominators, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
