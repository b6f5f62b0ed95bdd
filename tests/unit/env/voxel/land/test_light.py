"""Lamps light what is around them, in the fields and in the picture."""

import numpy as np
import pytest

from env.voxel.land.blocks import AIR, STONE_BLOCK, TORCH
from env.voxel.land.world import World
from env.voxel.picture.render import Renderer
from env.voxel.picture.sky import brightness
from env.voxel.rules.view import View

MIDNIGHT = 18000


def hall() -> World:
    """A dark hall, 31 x 9 x 31 blocks within thick stone; its floor is at y = 3."""
    blocks = np.full((37, 15, 37), STONE_BLOCK, np.uint8)
    blocks[3:-3, 3:-3, 3:-3] = AIR
    return World(blocks, seed=0, spawn=(18.5, 3.0, 18.5))


def lamp_light(world: World, *cell: int) -> int:
    return int(world.light[cell]) >> 4


def test_light_of_a_torch_falls_by_one_a_block() -> None:
    world = hall()
    world.set_block(18, 3, 18, TORCH)
    assert [lamp_light(world, 18 + away, 3, 18) for away in (0, 1, 2, 13, 14)] == [14, 13, 12, 1, 0]
    assert lamp_light(world, 20, 5, 21) == 14 - 2 - 2 - 3
    world.set_block(18, 3, 18, AIR)
    assert np.array_equal(world.light, hall().light)


def test_a_wall_keeps_the_light_of_a_torch_back() -> None:
    world = hall()
    world.set_block(18, 3, 18, TORCH)
    for y in range(3, 12):
        for z in range(3, 34):
            world.set_block(22, y, z, STONE_BLOCK)
    assert lamp_light(world, 21, 3, 18) == 11
    assert lamp_light(world, 23, 3, 18) == 0


@pytest.mark.parametrize("seed", range(3))
def test_light_stays_right_while_torches_and_stones_come_and_go(seed: int) -> None:
    """After any changes the light is that of a world that was built that way."""
    world, rng = hall(), np.random.default_rng(seed)
    for y in (12, 13, 14):
        world.set_block(18, y, 18, AIR)  # and some daylight
    for _ in range(60):
        x, y, z = (int(at) for at in rng.integers(3, (34, 12, 34)))
        world.set_block(x, y, z, int(rng.choice([AIR, STONE_BLOCK, TORCH])))
    fresh = World(world.blocks.copy(), seed=0, spawn=world.spawn)
    assert np.array_equal(world.light, fresh.light)
    assert (fresh.light[fresh.light != 255] >> 4).max() == 14


def test_lamps_shine_at_night_and_add_nothing_to_the_day() -> None:
    noon, midnight = brightness(6000), brightness(MIDNIGHT)
    torch = 14 << 4
    assert midnight[torch] > 2 * midnight[0]
    assert midnight[torch | 15] == midnight[torch]
    assert noon[torch | 15] == noon[15]
    assert (np.diff(midnight[np.arange(15) << 4]) >= 0.0).all()


def test_a_torch_lights_the_picture_of_a_cave() -> None:
    world, renderer = hall(), Renderer((36, 64))
    view = View((18.5, 4.6, 12.5), yaw=0.0, pitch=10.0, time_of_day=6000)
    dark = renderer.render(world, view)[:30].mean()
    world.set_block(16, 3, 18, TORCH)
    assert renderer.render(world, view)[:30].mean() > 1.5 * dark
