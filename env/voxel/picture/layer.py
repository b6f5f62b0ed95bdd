"""Painting on the flat layer that lies over the picture: images and numbers."""

import numpy as np
from numpy.typing import NDArray

from env.voxel.picture.sprites import digits

Layer = NDArray[np.float32]
"""(360, 640, 4): colours 0 to 255 multiplied by their alpha, and alpha 0 to 1."""


def paste(layer: Layer, image: NDArray[np.uint8], x: int, y: int) -> None:
    """Lay an RGBA image over part of the layer; what sticks out is cut off."""
    image, x, y = image[max(-y, 0) :, max(-x, 0) :], max(x, 0), max(y, 0)
    part = layer[y : y + image.shape[0], x : x + image.shape[1]]
    image = image[: part.shape[0], : part.shape[1]]
    alpha = image[..., 3:].astype(np.float32) / 255.0
    part[..., :3] = part[..., :3] * (1.0 - alpha) + image[..., :3] * alpha
    part[..., 3:] = part[..., 3:] * (1.0 - alpha) + alpha


def draw_number(layer: Layer, number: int, right: int, top: int) -> None:
    """Write a number with a drop shadow; `right` is the column just past its last digit's shadow."""
    shapes = digits()
    for place, digit in enumerate(reversed(str(number))):
        x = right - 6 * (place + 1)
        for offset, shade in ((1, 62), (0, 255)):
            image = np.zeros((7, 5, 4), np.uint8)
            image[shapes[int(digit)]] = (shade, shade, shade, 255)
            paste(layer, image, x + offset, top + offset)
