"""The papers' training recipes, and the error over a training."""
