"""Images, their labels and the blacklist."""

from bench.data.images import Images, open_images

__all__ = ["Images", "open_images"]
