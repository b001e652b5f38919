"""Many images out of a few: links to them, under other names.

    python benchmarks/links.py --data FOLDER --out FOLDER --images 20000

A fast machine is through a hundred photographs before its threads are all at work.
"""

from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer

from bench.data.open import find_images


def main(
    data: Annotated[str, typer.Option(help="Images in folders by WordNet id.")],
    out: Annotated[Path, typer.Option(help="Where the same folders with the links go.")],
    images: Annotated[int, typer.Option(help="Number of links.")],
) -> None:
    """Make the links, and print how many there are."""
    link_images(data, out, images)
    print(f"{images:,} links in {out}")


def link_images(data: str, folder: Path, number: int) -> None:
    """Make so many links to the images of `data` in `folder`, in the same folders: to each of them about
    equally many.
    """
    files = find_images(data)
    for count, name in enumerate(islice(cycle(map(Path, files.names)), number)):
        link = folder / name.parent / f"{count:06d}{name.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(files.path, name))


if __name__ == "__main__":
    typer.run(main)
