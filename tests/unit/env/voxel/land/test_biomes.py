"""The lands that an episode can be asked to start in."""

import numpy as np
import pytest

from env.voxel.environment import VoxelEnv
from env.voxel.land.biomes import BIOMES, MIXED
from env.voxel.land.blocks import GRASS_BLOCK, OAK_LOG, SAND, SNOW_BLOCK, SOLID, SPRUCE_LOG, WATER
from env.voxel.land.terrain import generate
from env.voxel.land.world import World

SIZE = (128, 96, 128)


def logs(world: World) -> int:
    return int(np.isin(world.blocks, (OAK_LOG, OAK_LOG + 2, SPRUCE_LOG)).sum())


def heights(world: World) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    found: np.ndarray[tuple[int, int], np.dtype[np.int64]] = np.array(
        [[world.surface(x, z) for z in range(0, SIZE[2], 4)] for x in range(0, SIZE[0], 4)]
    )
    return found


@pytest.fixture(scope="module")
def lands() -> dict[str, World]:
    return {name: generate(3, SIZE, land=land) for name, land in BIOMES.items()} | {"mixed": generate(3, SIZE)}


def test_without_a_biome_the_land_is_mixed(lands: dict[str, World]) -> None:
    assert np.array_equal(lands["mixed"].blocks, generate(3, SIZE, land=MIXED).blocks)
    assert all(not np.array_equal(lands["mixed"].blocks, lands[name].blocks) for name in BIOMES)


@pytest.mark.parametrize("name", BIOMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_player_starts_dry_and_free_on_the_land_asked_for(name: str, seed: int) -> None:
    world = generate(seed, SIZE, land=BIOMES[name])
    x, y, z = (int(np.floor(at)) for at in world.spawn)
    assert world.block(x, y - 1, z) == {"desert": SAND, "snow": SNOW_BLOCK}.get(name, GRASS_BLOCK)
    body = world.blocks[x, y : y + 2, z]
    assert not SOLID[body].any()
    assert WATER not in body


def test_lands_differ_as_their_names_say(lands: dict[str, World]) -> None:
    assert logs(lands["desert"]) == 0
    assert 0 < logs(lands["plains"]) < logs(lands["mixed"]) < logs(lands["forest"])
    assert not np.isin(lands["snow"].blocks, (OAK_LOG, OAK_LOG + 2)).any()
    assert (lands["snow"].blocks == SPRUCE_LOG).any()
    high = {name: heights(world) for name, world in lands.items()}
    assert high["mountains"].max() > high["mixed"].max() + 5
    assert np.ptp(high["plains"]) < np.ptp(high["mixed"])


def test_reset_starts_in_a_biome() -> None:
    voxel = VoxelEnv((18, 32))
    voxel.reset(seed=3, options={"biome": "desert"})
    assert logs(voxel.world) == 0
    with pytest.raises(ValueError, match="biome is 'dessert'; did you mean 'desert'"):
        voxel.reset(seed=3, options={"biome": "dessert"})
    with pytest.raises(ValueError, match="exclude each other"):
        voxel.reset(options={"biome": "desert", "world": voxel.world})
