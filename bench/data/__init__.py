"""Images, their labels and the blacklist.

open.py          `open_images`: from `--data`, `--labels` and `--devkit` to labelled images
images.py        `Images`: labelled images, wherever they are stored
files.py         `ImageFiles`: what each of the readers returns
folder.py        reads a folder, on this machine or in an object store
archive.py       reads a .tar
webdataset.py    reads WebDataset shards
parquet.py       reads parquet files in the layout of the Hugging Face hub
huggingface.py   fetches a split of a data set of the hub
splits.py        which files are of a split
patterns.py      several files by one name: `val-{0000..0063}.tar`
labels.py        the class of each image: from its folder, a label file or a devkit, or stored with it
label_file.py    label files
classes.py       the names of the classes and the orders in which they are numbered
devkit.py        ground truth and blacklist of the ILSVRC devkit
file_names.py    what the names of files say
decode.py        from a file's bytes to pixels
"""

from bench.data.images import Images
from bench.data.open import open_images

__all__ = ["Images", "open_images"]
