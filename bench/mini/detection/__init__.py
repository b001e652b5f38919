"""The mini set of detection and its networks, for trying GoogLeNet's detection on any machine.

draw.py                draws the set: scenes, the objects' boxes, proposals, classes
training_regions.py    draws what the networks learn from: labelled regions of other scenes
make.sh                draws both, and trains the networks
demo.py                detects with each network and with all of them, and scores them
mini_detection.tar     the scenes
annotations.json       the objects, in COCO's form
proposals.csv          the regions to classify
classes.txt            the classes, the last is the background
mini-v1-*.safetensors  the weights of the networks, which differ in the seed of their training
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
"""The folder of these files."""

IMAGES = FOLDER / "mini_detection.tar"
ANNOTATIONS = FOLDER / "annotations.json"
PROPOSALS = FOLDER / "proposals.csv"

MODEL = "mini-v1"
"""The network that is trained several times."""
WEIGHTS = tuple(FOLDER / f"{MODEL}-{seed}.safetensors" for seed in (1, 2, 3, 4))
