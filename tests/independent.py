"""The four protocols once more, by Pillow, a loop over the crops, and timm, without this project.

usage: python tests/independent.py TIMM_NAME WEIGHTS FOLDER OUT.npz
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file


def crops_of(image, size, scales, squares):
    """Every crop at these scales and squares: (scale, square, position, mirrored) and its pixels."""
    for scale in scales:
        width, height = image.size
        if width <= height:
            resized = image.resize((scale, int(scale * height / width)), Image.Resampling.BICUBIC)
        else:
            resized = image.resize((int(scale * width / height), scale), Image.Resampling.BICUBIC)
        for square in squares:
            x = {"centre": round((resized.width - scale) / 2.0), "first": 0, "last": resized.width - scale}[
                square
            ]
            y = {"centre": round((resized.height - scale) / 2.0), "first": 0, "last": resized.height - scale}[
                square
            ]
            whole = resized.crop((x, y, x + scale, y + scale))
            end, middle = scale - size, round((scale - size) / 2.0)
            corners = {
                "centre": (middle, middle),
                "tl": (0, 0),
                "tr": (end, 0),
                "bl": (0, end),
                "br": (end, end),
            }
            for position, (left, top) in corners.items():
                crop = whole.crop((left, top, left + size, top + size))
                yield (scale, square, position, False), crop
                yield (scale, square, position, True), crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            crop = whole.resize((size, size), Image.Resampling.BICUBIC)
            yield (scale, square, "whole", False), crop
            yield (scale, square, "whole", True), crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def probabilities(network, crop):
    mean, std = (torch.tensor(network.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    pixels = torch.from_numpy(np.array(crop)).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        return network(((pixels - mean) / std)[None]).softmax(1)[0].double().numpy()


def evaluate(name, weights, paths, size, scales):
    """{protocol: [images x 1000]} of the images at `paths`, in their order."""
    network = timm.create_model(name).eval()
    network.load_state_dict(load_file(weights))
    pooled = {"1": [], "10": [], "12": [], "144": []}
    for path in paths:
        image = Image.open(path).convert("RGB")
        scores = {
            key: probabilities(network, crop)
            for key, crop in crops_of(image, size, scales, ("centre", "first", "last"))
        }
        small = [key for key in scores if key[:2] == (scales[0], "centre")]
        pooled["1"].append(scores[scales[0], "centre", "centre", False])
        pooled["10"].append(np.mean([scores[key] for key in small if key[2] != "whole"], axis=0))
        pooled["12"].append(np.mean([scores[key] for key in small], axis=0))
        pooled["144"].append(np.mean(list(scores.values()), axis=0))
    return {protocol: np.array(rows) for protocol, rows in pooled.items()}


if __name__ == "__main__":
    model, checkpoint, folder, out = sys.argv[1:]
    side = timm.get_pretrained_cfg(model).input_size[-1]
    images = sorted(Path(folder).glob("*/*.JPEG"))
    np.savez(
        out,
        **evaluate(
            model, checkpoint, images, side, [round(side * scale / 224) for scale in (256, 288, 320, 352)]
        ),
    )
