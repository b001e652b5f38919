"""Timing in turns, and ratios with their spread. Ratios of one run on one machine mean something; seconds do not."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each work in each round, one after the other; a first round, which warms up, does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for counts in [False] + [True] * rounds:
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if counts:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> str:
    """The median of the rounds' ratios, and the lowest and highest."""
    ratios = [above / below for above, below in zip(numerator, denominator, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
