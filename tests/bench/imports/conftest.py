"""Images with made-up predictions, which the tests of imports share. Nothing reads the images' files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

IMAGES = 240
"""Enough for the check of the labels."""


@dataclass(frozen=True)
class Made:
    """Images, and what a network with 70 % of top-1 hits, or so, predicts for them."""

    data: Path
    ids: list[str]
    labels: np.ndarray
    logits: np.ndarray

    @property
    def probabilities(self):
        """[n x 1000] float32"""
        return softmax(self.logits)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def made(tmp_path):
    generator = np.random.default_rng(3)
    data = tmp_path / "val"
    data.mkdir()
    ids = [f"ILSVRC2012_val_{number:08d}" for number in range(1, IMAGES + 1)]
    labels = generator.integers(0, 1000, IMAGES)
    for image in ids:
        (data / f"{image}.JPEG").touch()
    lines = [f"{image}.JPEG {label}" for image, label in zip(ids, labels, strict=True)]
    (data / "labels.txt").write_text("\n".join(lines))
    logits = generator.normal(size=(IMAGES, 1000)).astype(np.float32)
    logits[np.arange(IMAGES), labels] += 4
    return Made(data, ids, labels, logits)


@pytest.fixture
def imported(made, tmp_path):
    """`bench.import_predictions` of an array, or of a file, as a run on the made-up images."""
    import bench

    def run(scores, **options):
        file = scores
        if isinstance(scores, np.ndarray):
            file = tmp_path / "scores.npy"
            np.save(file, scores)
        return bench.import_predictions(file, **{"data": made.data, "out": tmp_path / "runs"} | options)

    return run
