"""Predictions that something else computed, made into a run.

import_predictions.py   `make_run`: the order of the steps
files.py                the scores in a .npy, .npz, .safetensors, .csv or .parquet file
rows.py                 which row is which image's
scores.py               from scores to probabilities by class index
"""

OPTIONS = (
    *("data", "labels", "devkit", "blacklist", "limit", "shuffle_seed", "classes"),
    *("label_order", "out", "fresh", "allow_implausible"),
)
"""The options of an evaluation that an import has, too."""
