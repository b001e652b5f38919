"""Images, their labels and the blacklist.

open.py          `open_images`: from `--data`, `--labels` and `--devkit` to labelled images
images.py        `Images`: labelled images, wherever they are stored
files.py         image files in a folder or an object store
archive.py       image files in a .tar
huggingface.py   images of a Hugging Face data set
labels.py        the class of each image file: from its folder, a label file or a devkit
classes.py       the names of the classes and the orders in which they are numbered
devkit.py        ground truth and blacklist of the ILSVRC devkit
file_names.py    what the names of files say
decode.py        from a file's bytes to pixels
"""

from bench.data.images import Images
from bench.data.open import open_images

__all__ = ["Images", "open_images"]
