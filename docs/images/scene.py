"""Draw the image whose crops the pages show: python docs/images/scene.py docs/images/scene.png

500 x 375 pixels, like many of ImageNet's, with things of the mini set's shapes and patterns.
"""

import sys
from colorsys import hsv_to_rgb

import numpy as np
from PIL import Image

from bench.mini.draw import PATTERNS, SHAPES

WIDTH, HEIGHT = 500, 375
THINGS = (  # shape, pattern, centre, radius in pixels, turned by, hues of the two colours
    ("disc", "plain", (418, 66), 46, 0.0, 0.13, 0.13),
    ("star", "striped", (96, 112), 74, 0.3, 0.95, 0.08),
    ("flower", "ringed", (258, 196), 98, 0.1, 0.83, 0.12),
    ("crescent", "dotted", (420, 214), 72, -0.5, 0.55, 0.16),
    ("arrow", "checked", (92, 296), 80, -0.4, 0.36, 0.60),
    ("ring", "plain", (372, 322), 44, 0.0, 0.02, 0.02),
)


def scene() -> Image.Image:
    """The image."""
    y, x = np.mgrid[0.5:HEIGHT, 0.5:WIDTH]
    sky, ground = np.array([0.80, 0.88, 0.93]), np.array([0.62, 0.72, 0.58])
    canvas = sky + (ground - sky) * (y / HEIGHT)[..., None]
    for shape, pattern, (across, down), radius, angle, *hues in THINGS:
        right, below = (x - across) / radius, (y - down) / radius
        u = right * np.cos(angle) + below * np.sin(angle)
        v = below * np.cos(angle) - right * np.sin(angle)
        first, second = (np.array(hsv_to_rgb(hue, 0.75, 0.9)) for hue in hues)
        share = (PATTERNS[pattern](u, v) * radius / 8 + 0.5).clip(0, 1)[..., None]
        coverage = (SHAPES[shape](u, v) * radius + 0.5).clip(0, 1)[..., None]
        canvas += coverage * (first + (second - first) * share - canvas)
    return Image.fromarray((255 * canvas).clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    scene().save(sys.argv[1], optimize=True)
