"""Lets one behaviour of the scripted player run by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from agents.scripted.body import Body
from agents.scripted.human_input import Keys
from agents.scripted.style import Style
from agents.scripted.styles import STYLES
from env import minerl_action_space
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import AIR, DIRT, GRASS_BLOCK, STONE_BLOCK
from env.voxel.land.world import World

SURFACE = 12
"""The y at which feet stand in `meadow`."""


def meadow() -> World:
    """Flat grass on three blocks of dirt on stone, 32 x 32."""
    blocks = np.full((32, 24, 32), AIR, np.uint8)
    blocks[:, : SURFACE - 4] = STONE_BLOCK
    blocks[:, SURFACE - 4 : SURFACE - 1] = DIRT
    blocks[:, SURFACE - 1] = GRASS_BLOCK
    return World(blocks, seed=0, spawn=(16.5, float(SURFACE), 16.5))


def body_in(
    world: World, *, style: str | Style = "crafter", seed: int = 0, inventory: Mapping[str, int] | None = None
) -> tuple[VoxelEnv, Body]:
    """A player's body in a world, and the environment that it acts in."""
    env = VoxelEnv((36, 64))
    env.reset(seed=seed, options={"world": world, "inventory": dict(inventory or {})})
    return env, Body(env, STYLES[style] if isinstance(style, str) else style, np.random.default_rng(seed))


def perform(env: VoxelEnv, body: Body, script: Iterator[Keys], *, ticks: int = 2000) -> Any:
    """Runs a behaviour to its end without drawing, and returns what it returned."""
    for _ in range(ticks):
        body.attend()
        try:
            wanted = next(script)
        except StopIteration as end:
            return end.value
        action = body.act(wanted)
        assert minerl_action_space().contains(action)
        env.advance(action)
    raise AssertionError(f"the behaviour has not ended in {ticks} ticks")
