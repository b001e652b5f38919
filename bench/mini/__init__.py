"""The mini set and its networks: what ImageNet is not needed for. Images, labels, weights, and what made them.

draw.py            draws a set: images, classes, labels, blacklist
make.sh            draws both sets and trains the networks
demo.py            runs the networks, and their ensemble, on the set
mini_val.tar       the set that evaluations run on
*.safetensors      the weights of the networks
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
IMAGES = FOLDER / "mini_val.tar"
NETWORKS = ("mini-v1", "mini-v3", "mini-v4", "mini-ir-v2")
"""The names of the four networks, as `--model` takes them."""
