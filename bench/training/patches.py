"""What a network is trained on: random patches of the images, or whole images."""

from collections.abc import Iterable, Iterator

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from bench.data import Images
from bench.data.file_names import shown
from bench.errors import UnreadableImage
from crops import Normalisation


class Patches(Dataset[tuple[Tensor, int]]):
    """One random patch of each image, normalised (GoogLeNet, section 6); or the whole image, maybe mirrored.

    (seed, epoch, image) alone decide the patch, so a resumed training sees the same ones. Set `epoch` before
    each epoch.
    """

    def __init__(
        self,
        images: Images,
        size: int,
        normalisation: Normalisation,
        *,
        distort: bool,
        seed: int,
        whole: bool = False,
    ) -> None:
        """`size` is the side of a patch in pixels; `distort` changes its colours at random. With `whole` the
        image is resized to it, whatever its aspect ratio.
        """
        self.images, self.size, self.seed = images, size, seed
        self.epoch = 0
        colours = [v2.ColorJitter(brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2)]
        self.transform = v2.Compose([
            v2.Resize((size, size), antialias=True)
            if whole
            else v2.RandomResizedCrop(size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), antialias=True),
            v2.RandomHorizontalFlip(),
            *(colours if distort else []),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(normalisation.mean, normalisation.std),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """(patch [3 x size x size], class index) of an image.

        For an image that cannot be read (zeros, -1 - index): `readable` raises the error. One that is raised
        here, in a process of the loader, would arrive with the traceback of that process as its message.
        """
        try:
            image = Image.fromarray(self.images.decode(self.images.read(index)))
        except (UnreadableImage, OSError):
            return torch.zeros(3, self.size, self.size), -1 - index
        on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        devices = [torch.cuda.current_device()] if on_gpu else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(hash((self.seed, self.epoch, index)))
            patch: Tensor = self.transform(image)
        return patch, int(self.images.labels[index])

    def readable(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches. Raises `UnreadableImage` for a batch with an image that could not be read."""
        for patches, labels in batches:
            if (lowest := int(labels.min())) < 0:
                raise self._unreadable(-1 - lowest)
            yield patches, labels

    def _unreadable(self, index: int) -> UnreadableImage:
        try:
            self.images.decode(self.images.read(index))
            reason = "it could not be read"
        except (UnreadableImage, OSError) as error:
            reason = str(error)
        name = shown(self.images.ids[index])
        return UnreadableImage(f"{name} in {self.images.path}: {reason}; repair or remove it")
