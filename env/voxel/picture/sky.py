"""The sky: its colours by the time of day, sun, moon, stars and clouds, and how bright the world is beneath it."""

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.land.light import OPAQUE_LIGHT

Float = NDArray[np.floating[Any]]

DAY = 24000
"""Ticks in a day."""
GAMMA = 1.2
"""How far darkness is lifted: 0 leaves it, 1 raises brightness b to 1 - (1 - b)^4, above that further still."""
CLOUD_HEIGHT = 116.0
CLOUD_SIZE = 10.0
"""Blocks along one square of cloud."""

_NOON_SKY = np.array([120.0, 167.0, 255.0])
_NOON_FOG = np.array([190.0, 214.0, 255.0])
_NIGHT_SKY = np.array([3.0, 4.0, 12.0])
_NIGHT_FOG = np.array([12.0, 14.0, 28.0])
_DUSK = np.array([236.0, 130.0, 62.0])


def sun_angle(time_of_day: int) -> float:
    """The sun's angle from straight up, in turns; it moves a little faster around noon, as in Minecraft 1.16."""
    fraction = (time_of_day / DAY - 0.25) % 1.0
    return float(fraction + (0.5 - np.cos(np.pi * fraction) / 2.0 - fraction) / 3.0)


def daylight(time_of_day: int) -> float:
    """How much of the skylight there is, 0.1 at night to 1 by day."""
    height = np.cos(2.0 * np.pi * sun_angle(time_of_day))
    return float(min(max(2.0 * height + 0.2, 0.0), 1.0)) * 0.9 + 0.1


def brightness(time_of_day: int) -> NDArray[np.float64]:
    """(256,) how bright a cell of each light value is, 0 to 1."""
    light = np.arange(256)
    sky, lamp = (level / (4.0 - 3.0 * level) for level in ((light & 15) / 15.0, (light >> 4) / 15.0))
    lamp[OPAQUE_LIGHT] = 0.0
    seen = 0.9 * np.maximum(sky * daylight(time_of_day), lamp) + 0.1
    lifted = 1.0 - (1.0 - seen) ** 4
    return np.asarray(np.clip(seen + GAMMA * (lifted - seen), 0.0, 1.0))


def sky_colours(time_of_day: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Zenith, horizon and dusk glow, each (3,) from 0 to 255; the glow is black except around sunrise and sunset."""
    height = np.cos(2.0 * np.pi * sun_angle(time_of_day))
    day = min(max(2.0 * height + 0.5, 0.0), 1.0)
    zenith = _NIGHT_SKY + (_NOON_SKY - _NIGHT_SKY) * day
    horizon = _NIGHT_FOG + (_NOON_FOG - _NIGHT_FOG) * day
    strength = max(0.0, 1.0 - (height / 0.4) ** 2)
    return zenith, horizon, _DUSK * strength


@cache
def _cloud_cover() -> NDArray[np.bool_]:
    """(64, 64) where there are clouds, repeating."""
    rng = np.random.default_rng(21)
    noise = np.zeros((64, 64))
    for spread in (8, 4, 2):
        coarse = rng.random((64 // spread, 64 // spread))
        noise += spread**0.5 * np.kron(coarse, np.ones((spread, spread)))
    smooth = sum(np.roll(noise, shift, axis) for shift in (-1, 0, 1) for axis in (0, 1))
    return np.asarray(smooth > np.quantile(np.asarray(smooth), 0.74))


@njit(cache=True, error_model="numpy")
def _paint(
    axes: Float, eye: Float, columns: Float, rows: Float,
    zenith: Float, horizon: Float, glow: Float, angle: float, daylight: float, drift: float,
    clouds: NDArray[np.bool_], cloud_height: float, cloud_size: float,
    colour: NDArray[np.float32], clear: NDArray[np.float32],
) -> None:  # fmt: skip
    """Add the sky to `colour` (R, C, 3) by the share `clear` (R, C) that the blocks left."""
    # The sun moves in the plane z = 0, rising in the east (+x).
    sun_x, sun_y = -np.sin(2.0 * np.pi * angle), np.cos(2.0 * np.pi * angle)
    glow_strength = (glow[0] + glow[1] + glow[2]) / 428.0
    for row in range(len(rows)):
        for column in range(len(columns)):
            share = clear[row, column]
            if share < 0.002:
                continue
            dx = rows[row] * axes[1, 0] - axes[2, 0] + columns[column] * axes[0, 0]
            dy = rows[row] * axes[1, 1] - axes[2, 1] + columns[column] * axes[0, 1]
            dz = rows[row] * axes[1, 2] - axes[2, 2] + columns[column] * axes[0, 2]
            scale = 1.0 / np.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx * scale, dy * scale, dz * scale
            height = min(max((dy - 0.02) * 2.6, 0.0), 1.0)
            mix = height * (2.0 - height)
            red = horizon[0] + (zenith[0] - horizon[0]) * mix
            green = horizon[1] + (zenith[1] - horizon[1]) * mix
            blue = horizon[2] + (zenith[2] - horizon[2]) * mix
            if glow_strength > 0.0:
                towards = 0.5 + 0.5 * (dx if sun_x > 0.0 else -dx)
                warm = glow_strength * 0.85 * towards * towards * towards * max(0.0, 1.0 - abs(dy + 0.02) * 2.4)
                red += (236.0 - red) * warm
                green += (130.0 - green) * warm
                blue += (62.0 - blue) * warm
            # Squares around the sun's and the moon's directions.
            along = dx * sun_x + dy * sun_y
            side, other = dx * sun_y - dy * sun_x, dz
            if along > 0.5:
                near = max(abs(side), abs(other)) / along
                if near < 0.105:
                    red, green, blue = 255.0, 255.0, 236.0
                    if near > 0.085:
                        red, green, blue = 255.0, 250.0, 190.0
                elif near < 0.3:
                    halo = (0.3 - near) / 0.195
                    halo *= halo * 0.5
                    red += (255.0 - red) * halo
                    green += (250.0 - green) * halo
                    blue += (210.0 - blue) * halo
            elif along < -0.5:
                near = max(abs(side), abs(other)) / -along
                if near < 0.075:
                    spot = int((side / -along + 0.075) * 53.0) * 5 + int((other / -along + 0.075) * 53.0) * 3
                    tone = 0.86 if spot % 7 == 0 or spot % 11 == 3 else 1.0
                    red, green, blue = 226.0 * tone, 232.0 * tone, 242.0 * tone
            if daylight < 0.7 and dy > 0.0:
                # Stars sit on a fine grid of directions.
                major = max(abs(dx), abs(dy), abs(dz))
                gx, gy, gz = (
                    int(np.floor(dx / major * 90.0)),
                    int(np.floor(dy / major * 90.0)),
                    int(np.floor(dz / major * 90.0)),
                )
                mixed = (gx * 73856093) ^ (gy * 19349663) ^ (gz * 83492791)
                mixed = (mixed ^ (mixed >> 13)) * 1274126177
                if (mixed >> 7) % 331 == 0:
                    star = (0.75 - daylight) * 1.5 * min(dy * 4.0, 1.0)
                    red += (240.0 - red) * star
                    green += (240.0 - green) * star
                    blue += (250.0 - blue) * star
            if dy > 0.03 and eye[1] < cloud_height:
                reach = (cloud_height - eye[1]) / dy
                cx = int(np.floor((eye[0] + reach * dx + drift) / cloud_size)) & 63
                cz = int(np.floor((eye[2] + reach * dz) / cloud_size)) & 63
                if clouds[cx, cz]:
                    cover = 0.82 * min(max((420.0 - reach) / 200.0, 0.0), 1.0)
                    white = 255.0 * (daylight - 0.1) / 0.9
                    red += (white - red) * cover
                    green += (white - green) * cover
                    blue += (white - blue) * cover
            colour[row, column, 0] += share * red
            colour[row, column, 1] += share * green
            colour[row, column, 2] += share * blue


def paint_sky(
    axes: Float, eye: Float, columns: Float, rows: Float,
    *, time_of_day: int, colour: NDArray[np.float32], clear: NDArray[np.float32],
) -> None:  # fmt: skip
    """Add the sky to `colour` (R, C, 3) by the share `clear` (R, C) that the blocks left.

    The rays are those of `raycast.Rays`.
    """
    zenith, horizon, glow = sky_colours(time_of_day)
    drift = time_of_day * 0.03
    _paint(
        axes, eye, columns, rows, zenith, horizon, glow, sun_angle(time_of_day), daylight(time_of_day), drift,
        _cloud_cover(), CLOUD_HEIGHT, CLOUD_SIZE, colour, clear,
    )  # fmt: skip
