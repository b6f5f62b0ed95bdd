import numpy as np
import pytest

from env.voxel.land.blocks import AIR, BEDROCK, DIRT, GRASS_BLOCK, OAK_LOG, SOLID, STONE_BLOCK, WATER
from env.voxel.land.space import FLATNESS
from env.voxel.land.terrain import generate
from env.voxel.land.world import World

SMALL = (64, 96, 64)


@pytest.fixture(scope="module")
def world() -> World:
    return generate(3, SMALL)


def test_a_seed_is_a_world() -> None:
    first, second, other = generate(1, SMALL), generate(1, SMALL), generate(2, SMALL)
    assert np.array_equal(first.blocks, second.blocks)
    assert first.spawn == second.spawn
    assert not np.array_equal(first.blocks, other.blocks)


@pytest.mark.parametrize("seed", range(6))
def test_spawn_is_dry_and_open(seed: int) -> None:
    world = generate(seed, (128, 96, 128))
    x, y, z = (int(np.floor(at)) for at in world.spawn)
    assert world.block(x, y - 1, z) == GRASS_BLOCK
    body = world.blocks[x, y : y + 2, z]
    assert not SOLID[body].any()
    assert WATER not in body
    nearby = world.blocks[x - 20 : x + 21, :, z - 20 : z + 21]
    assert (nearby == OAK_LOG).any(axis=1).sum() + (nearby == OAK_LOG + 2).any(axis=1).sum() >= 3


def test_bedrock_lies_below_everything(world: World) -> None:
    assert (world.blocks[:, 0] == BEDROCK).all()
    assert world.block(5, -1, 5) == BEDROCK
    assert world.block(-1, 40, 5) == BEDROCK
    assert world.block(5, 1000, 5) == AIR


def test_water_does_not_hang_in_the_air(world: World) -> None:
    water = np.argwhere(world.blocks == WATER)
    below = world.blocks[water[:, 0], water[:, 1] - 1, water[:, 2]]
    assert (below != AIR).all()


def test_light_and_space_stay_right_while_blocks_change() -> None:
    """After any change the fields are those of a world that was built that way."""
    world = generate(3, SMALL)
    rng = np.random.default_rng(0)
    for block in (AIR, STONE_BLOCK, AIR, DIRT):
        for x, z in rng.integers(0, 64, (6, 2)):
            world.set_block(int(x), world.surface(int(x), int(z)) + (block != AIR), int(z), block)
    fresh = World(world.blocks, seed=world.seed, spawn=world.spawn)
    assert np.array_equal(world.light, fresh.light)
    assert np.array_equal(world.space, fresh.space)
    assert np.array_equal(world.heights, fresh.heights)
    assert world.top >= fresh.top


def test_a_roof_casts_shade_and_a_hole_lets_light_in() -> None:
    blocks = np.zeros((32, 16, 32), np.uint8)
    blocks[:, 0] = blocks[:, 8] = STONE_BLOCK
    world = World(blocks, seed=0, spawn=(16.5, 1.0, 16.5))
    assert world.light[16, 4, 16] == 0
    world.set_block(16, 8, 16, AIR)
    assert world.light[16, 4, 16] == 15
    assert world.light[19, 4, 16] == 12
    world.set_block(16, 8, 16, STONE_BLOCK)
    assert world.light[16, 4, 16] == 0


def test_blocks_outside_the_world_cannot_be_set(world: World) -> None:
    with pytest.raises(IndexError, match="outside the world"):
        world.set_block(64, 40, 0, STONE_BLOCK)


def test_space_promises_emptiness(world: World) -> None:
    """No ray may leap through a block."""
    solid = world.blocks != AIR
    rng = np.random.default_rng(0)
    for direction, flatness in enumerate(FLATNESS):
        assert ((world.space[direction] == 0) == solid).all()
        cells = np.argwhere(world.space[direction] > 1)
        for x, y, z in rng.choice(cells, 200):
            reach = int(world.space[direction, x, y, z]) - 1
            low, high = (y, y + reach // flatness) if direction == 1 else (max(y - reach // flatness, 0), y)
            box = solid[max(x - reach, 0) : x + reach + 1, low : high + 1, max(z - reach, 0) : z + reach + 1]
            assert not box.any()
