"""How items look in a slot."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from env.voxel.picture.textures import ItemPicture, textures


@cache
def item_icon(number: int) -> NDArray[np.uint8]:
    """uint8 (16, 16, 4) picture of an item: its sprite, or its block seen from a corner."""
    paint = textures()
    picture = paint.item(number)
    if picture.flat:
        return paint.tile(int(picture.tiles[4]))
    return _cube_icon(picture)


def _cube_icon(picture: ItemPicture) -> NDArray[np.uint8]:
    """A cube from above one of its corners: 4 x 4 samples a pixel."""
    paint = textures()
    samples = (np.arange(64) + 0.5) / 4.0 - 8.0
    y, x = np.meshgrid(samples, samples, indexing="ij")
    wide, flat, tall = 7.1, 3.55, 8.6
    # Along the top's two edges, and down the sides.
    top = -(flat * 2 + tall) / 2.0
    a, b = x / wide + (y - top) / flat, -x / wide + (y - top) / flat
    image = np.zeros((64, 64, 4))
    for face, shade, u, v in (
        (3, 1.0, a / 2.0, b / 2.0),
        (4, 0.8, (x + wide) / wide, (y - top - flat - (x + wide) * flat / wide) / tall),
        (1, 0.6, x / wide, (y - top - 2 * flat + x * flat / wide) / tall),
    ):
        inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
        tile = paint.tile(int(picture.tiles[face]))
        texel = tile[np.clip((v * 16).astype(int), 0, 15), np.clip((u * 16).astype(int), 0, 15)].astype(float)
        texel[..., :3] *= shade
        # A hole in leaves shows the dark inside.
        texel[..., 3] = np.maximum(texel[..., 3], 255.0 * (texel[..., :3].sum(-1) > 0))
        image[inside] = texel[inside]
    blocks = image.reshape(16, 4, 16, 4, 4)
    alpha = blocks[..., 3:].sum(axis=(1, 3))
    colour = (blocks[..., :3] * blocks[..., 3:]).sum(axis=(1, 3)) / np.maximum(alpha, 1.0)
    return np.concatenate([colour, alpha / 16.0], axis=-1).round().astype(np.uint8)
