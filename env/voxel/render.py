"""Draws what the player sees."""

from math import cos, pi, radians, sin, tan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from env.voxel.raycast import SHAPES, SPECKLED, Rays, Scene, cast
from env.voxel.sky import brightness, paint_sky
from env.voxel.textures import textures
from env.voxel.view import View
from env.voxel.world import World

SCREEN = (360, 640)
"""Rows and columns of the full picture; other sizes show the same picture with other pixels."""
ASPECT = SCREEN[1] / SCREEN[0]
FOG = (70.0, 118.0)
"""Distances, in blocks, where fog begins and where only fog is left."""
WATER_FOG = (-4.0, 26.0)
OUTLINE = 1.3
"""Width of the outline inside the target's faces, in pixels of the full picture."""


class Renderer:
    """Draws frames of one size: (height, width), or "vpt" for the 128 x 128 that VPT agents see of the full picture."""

    def __init__(self, size: tuple[int, int] | Literal["vpt"]) -> None:
        self.size = (128, 128) if size == "vpt" else size
        height, width = self.size
        self._rows = (np.arange(height) + 0.5) * SCREEN[0] / height
        self._columns = (np.arange(width) + 0.5) * SCREEN[1] / width
        self._colour = np.zeros((len(self._rows), len(self._columns), 3), np.float32)
        self._clear = np.zeros(self._colour.shape[:2], np.float32)
        self._depth = np.zeros(self._colour.shape[:2], np.float32)

    def render(self, world: World, view: View) -> NDArray[np.uint8]:
        """The frame, uint8 (H, W, 3) RGB."""
        rays = self._rays(view)
        scene = self._scene(world, view)
        cast(scene, rays, self._colour, self._clear, self._depth)
        paint_sky(rays.axes, rays.eye, rays.columns, rays.rows, time_of_day=view.time_of_day, colour=self._colour, clear=self._clear)
        return np.clip(self._colour + 0.5, 0.0, 255.0).astype(np.uint8)

    def _rays(self, view: View) -> Rays:
        spread = tan(radians(view.fov) / 2.0) / (SCREEN[0] / 2.0)
        shift, roll = _bob(view)
        axes = roll @ _axes(view.yaw, view.pitch)
        eye = np.array(view.eye) - shift @ axes
        return Rays(eye, axes, (self._columns - SCREEN[1] / 2.0) * spread, (SCREEN[0] / 2.0 - self._rows) * spread)

    def _scene(self, world: World, view: View) -> Scene:
        paint = textures()
        fog = WATER_FOG if view.eye_in_water else FOG
        pixel = 2.0 * tan(radians(view.fov) / 2.0) / min(self.size[0], SCREEN[0])
        return Scene(
            world.blocks, world.light, world.space, world.top, paint.texels, paint.faces, SHAPES, SPECKLED, brightness(view.time_of_day),
            paint.cracks[view.crack_stage], view.target or (0, -1, 0), OUTLINE * pixel, *fog,
        )  # fmt: skip


def _axes(yaw: float, pitch: float) -> NDArray[np.float64]:
    """(3, 3) rows: the right, up and backward directions of a view."""
    sin_yaw, cos_yaw = sin(radians(yaw)), cos(radians(yaw))
    sin_pitch, cos_pitch = sin(radians(pitch)), cos(radians(pitch))
    return np.array(
        [
            [-cos_yaw, 0.0, -sin_yaw],
            [-sin_yaw * sin_pitch, cos_pitch, cos_yaw * sin_pitch],
            [sin_yaw * cos_pitch, sin_pitch, -cos_yaw * cos_pitch],
        ]
    )


def _bob(view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift (3,) and turn (3, 3) of the view while walking, in its own axes."""
    phase, amount = -view.bob_phase * pi, view.bob_amount
    shift = np.array([sin(phase) * amount * 0.5, -abs(cos(phase) * amount), 0.0])
    roll, tilt = radians(sin(phase) * amount * 3.0), radians(abs(cos(phase - 0.2) * amount) * 5.0)
    around_z = np.array([[cos(roll), -sin(roll), 0.0], [sin(roll), cos(roll), 0.0], [0.0, 0.0, 1.0]])
    around_x = np.array([[1.0, 0.0, 0.0], [0.0, cos(tilt), -sin(tilt)], [0.0, sin(tilt), cos(tilt)]])
    return shift, around_z @ around_x
