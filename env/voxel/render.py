"""Draws what the player sees."""

import numpy as np
from numpy.typing import NDArray

from env.voxel.view import View
from env.voxel.world import World


class Renderer:
    """Draws frames of one size."""

    def __init__(self, size: tuple[int, int] | str) -> None:
        self.size = (128, 128) if isinstance(size, str) else size

    def render(self, world: World, view: View) -> NDArray[np.uint8]:
        """The frame, uint8 (H, W, 3) RGB."""
        frame = np.full((*self.size, 3), (120, 167, 255), np.uint8)
        horizon = round(self.size[0] * (0.5 - view.pitch / view.fov))
        frame[max(horizon, 0) :] = (90, 140, 60)
        return frame
