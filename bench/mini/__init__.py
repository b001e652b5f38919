"""The mini set and its networks, for trying everything without ImageNet or a GPU.

draw.py            draws a set: images, classes, labels, blacklist
make.sh            draws the set and training images, and trains the networks
mini_val.tar       the images of the set; its classes, labels and blacklist are in the .txt files
*.safetensors      the weights of the networks
detection/         a mini set of detection, with networks of its own
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""The folder of these files."""

IMAGES = FOLDER / "mini_val.tar"
NETWORKS = ("mini-v1", "mini-v3", "mini-v4", "mini-ir-v2")
"""Names of the four networks, as `--model` takes them."""
