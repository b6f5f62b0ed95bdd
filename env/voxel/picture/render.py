"""Draws what the player sees."""

from math import cos, pi, radians, sin, tan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from env.voxel.land.light import OPAQUE_LIGHT
from env.voxel.land.world import World
from env.voxel.picture.hand import hand_model
from env.voxel.picture.hud import Hud, lay_over
from env.voxel.picture.models import Model, draw_model, scale, shift, turn
from env.voxel.picture.raycast import SHAPES, SPECKLED, Rays, Scene, cast
from env.voxel.picture.sky import brightness, paint_sky
from env.voxel.picture.textures import textures
from env.voxel.rules.view import View

SCREEN = (360, 640)
"""Rows and columns of the full picture; other sizes show the same picture with other pixels."""
ASPECT = SCREEN[1] / SCREEN[0]
FOG = (70.0, 118.0)
"""Distances, in blocks, where fog begins and where only fog is left."""
WATER_FOG = (-4.0, 26.0)
WATER_COLOUR = np.array([22.0, 62.0, 140.0], np.float32)
HAND_FOV = 70.0
EDGE_MARGIN = 1e-4
"""Blocks that the eye keeps from the edges of the world."""
Bob = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Shift (3,) and turn (3, 3) of a view, in its own axes."""
OUTLINE = 1.3
"""Width of the outline inside the target's faces, in pixels of the full picture."""


class Renderer:
    """Draws frames of one size: (height, width), or "vpt" for the 128 x 128 that VPT agents see of the full picture.

    A frame of "vpt" equals the 640 x 360 frame after `cv2.resize` with INTER_LINEAR to about one grey level, but draws
    only the pixels that this reads: every fifth column, and two rows for each of the 128.
    """

    def __init__(self, size: tuple[int, int] | Literal["vpt"]) -> None:
        if size == "vpt":
            self.size = (128, 128)
            position = (np.arange(128) + 0.5) * SCREEN[0] / 128 - 0.5
            above = np.floor(position).astype(np.int64)
            self._blend: NDArray[np.float32] | None = (position - above).astype(np.float32)
            rows, columns = np.stack([above, above + 1], axis=1).ravel(), np.arange(128) * 5 + 2
            self._hud = Hud((len(rows), len(columns)), pick=(rows, columns))
            self._pixel = 1.0
            self._rows, self._columns = rows + 0.5, columns + 0.5
        else:
            self.size = size
            self._blend = None
            self._hud = Hud(size)
            self._pixel = SCREEN[0] / size[0]
            self._rows = (np.arange(size[0]) + 0.5) * SCREEN[0] / size[0]
            self._columns = (np.arange(size[1]) + 0.5) * SCREEN[1] / size[1]
        shape = (len(self._rows), len(self._columns))
        self._colour = np.zeros((*shape, 3), np.float32)
        self._clear = np.zeros(shape, np.float32)
        self._depth = np.zeros(shape, np.float32)

    def render(self, world: World, view: View) -> NDArray[np.uint8]:
        """The frame, uint8 (H, W, 3) RGB."""
        bob = _bob(view)
        rays = self._rays(world, view, bob)
        light = brightness(view.time_of_day)
        cast(self._scene(world, view, light), rays, self._colour, self._clear, self._depth)
        if view.eye_in_water:
            self._colour += self._clear[..., None] * (WATER_COLOUR * light[15])
        else:
            paint_sky(
                rays.axes,
                rays.eye,
                rays.columns,
                rays.rows,
                time_of_day=view.time_of_day,
                colour=self._colour,
                clear=self._clear,
            )
        self._draw_drops(world, view, rays, light)
        self._draw_hand(world, view, bob, light)
        frame = np.empty(self._colour.shape, np.uint8)
        lay_over(self._colour, self._hud.layer(view), self._hud.crosshair, self._hud.bare, frame)
        return frame if self._blend is None else _blend_rows(frame, self._blend)

    def _draw_drops(self, world: World, view: View, rays: Rays, light: NDArray[np.float64]) -> None:
        paint = textures()
        to_view = np.eye(4)
        to_view[:3, :3] = rays.axes
        to_view = to_view @ shift(*-rays.eye)
        for x, y, z, spin, number in view.drops.tolist():
            picture = paint.item(int(number))
            size = 0.5 if picture.flat else 0.25
            pose = to_view @ shift(x, y, z) @ turn(1, spin) @ scale(size, size, size) @ shift(-0.5, -0.5, -0.5)
            lit = float(light[_light_at(world, x, y, z)])
            model = Model(pose, picture.tiles, picture.flat, lit)
            draw_model(model, rays.columns, rays.rows, texels=paint.texels, colour=self._colour, depth=self._depth)

    def _draw_hand(self, world: World, view: View, bob: Bob, light: NDArray[np.float64]) -> None:
        """The hand keeps its own field of view, and nothing hides it."""
        paint = textures()
        spread = tan(radians(HAND_FOV) / 2.0) / (SCREEN[0] / 2.0)
        columns, rows = (self._columns - SCREEN[1] / 2.0) * spread, (SCREEN[0] / 2.0 - self._rows) * spread
        moved, roll = bob
        turned = np.eye(4)
        turned[:3, :3] = roll
        model = hand_model(view, paint, bob=shift(*moved) @ turned, light=float(light[_light_at(world, *view.eye)]))
        self._depth.fill(np.inf)
        draw_model(model, columns, rows, texels=paint.texels, colour=self._colour, depth=self._depth)

    def _rays(self, world: World, view: View, bob: Bob) -> Rays:
        spread = tan(radians(view.fov) / 2.0) / (SCREEN[0] / 2.0)
        moved, roll = bob
        axes = roll @ _axes(view.yaw, view.pitch)
        size_x, _, size_z = world.blocks.shape
        eye = np.clip(
            np.array(view.eye) - moved @ axes, EDGE_MARGIN, (size_x - EDGE_MARGIN, np.inf, size_z - EDGE_MARGIN)
        )
        return Rays(eye, axes, (self._columns - SCREEN[1] / 2.0) * spread, (SCREEN[0] / 2.0 - self._rows) * spread)

    def _scene(self, world: World, view: View, light: NDArray[np.float64]) -> Scene:
        paint = textures()
        fog = WATER_FOG if view.eye_in_water else FOG
        per_unit = 2.0 * tan(radians(view.fov) / 2.0) / SCREEN[0]
        pixel = per_unit * self._pixel
        line = OUTLINE * max(per_unit, pixel)
        return Scene(
            world.blocks, world.light, world.space, world.top, paint.packed, paint.faces, SHAPES, SPECKLED, light,
            paint.cracks[view.crack_stage], view.target or (0, -1, 0), line, pixel, *fog,
        )  # fmt: skip


def _light_at(world: World, x: float, y: float, z: float) -> int:
    """The light value of the cell at a position; full skylight outside the world, none in a block."""
    cell = (int(x // 1), int(y // 1), int(z // 1))
    if not all(0 <= at < size for at, size in zip(cell, world.light.shape, strict=True)):
        return 15
    value = int(world.light[cell])
    return 0 if value == OPAQUE_LIGHT else value


def _blend_rows(frame: NDArray[np.uint8], weights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 3) from (2H, W, 3): each pair of rows mixed, the second by its weight."""
    upper, lower = frame[0::2].astype(np.float32), frame[1::2].astype(np.float32)
    mixed: NDArray[np.uint8] = (upper + (lower - upper) * weights[:, None, None] + 0.5).astype(np.uint8)
    return mixed


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


def _bob(view: View) -> Bob:
    """How the view moves while walking."""
    phase, amount = -view.bob_phase * pi, view.bob_amount
    shift = np.array([sin(phase) * amount * 0.5, -abs(cos(phase) * amount), 0.0])
    roll, tilt = radians(sin(phase) * amount * 3.0), radians(abs(cos(phase - 0.2) * amount) * 5.0)
    around_z = np.array([[cos(roll), -sin(roll), 0.0], [sin(roll), cos(roll), 0.0], [0.0, 0.0, 1.0]])
    around_x = np.array([[1.0, 0.0, 0.0], [0.0, cos(tilt), -sin(tilt)], [0.0, sin(tilt), cos(tilt)]])
    return shift, around_z @ around_x
