"""Stairs: where they lead, and what they keep away from."""

import pytest

from agents.scripted.block_actions import BlockActions
from agents.scripted.goals import PICKAXES
from agents.scripted.item_kinds import count_kinds
from agents.scripted.mining import Miner, Slope, stairs
from agents.scripted.walking import Walker
from env.voxel.land.blocks import AIR, BEDROCK, WATER, item, item_id
from env.voxel.land.world import World
from tests.unit.agents.scripted.acting import SURFACE, body_in, meadow, perform

START = (16, SURFACE, 16)
PICKAXE = item(item_id("wooden_pickaxe"))


def down(world: World, *, length: int = 8) -> int:
    """Steps of the stairs down along x."""
    return len(stairs(world, START, (1, 0), slope=-1, length=length, tool=PICKAXE).steps)


def test_stairs_go_a_block_down_a_step() -> None:
    found = stairs(meadow(), START, (1, 0), slope=-1, length=6, tool=PICKAXE)
    assert [step.stand for step in found.steps] == [(16 + step, SURFACE - step, 16) for step in range(1, 7)]
    assert found.stone == 1 + 2  # the fifth step meets stone with its lowest block, the sixth with two


def test_stairs_end_with_the_stone_that_is_wanted() -> None:
    assert len(stairs(meadow(), START, (1, 0), slope=-1, length=9, tool=PICKAXE, stone=1).steps) == 5


@pytest.mark.parametrize(
    ("cell", "block"),
    [
        ((19, SURFACE - 3, 16), WATER),  # in the way
        ((19, SURFACE - 3, 17), WATER),  # beside where one would stand
        ((19, SURFACE - 4, 16), AIR),  # a hole under the third step
        ((19, SURFACE - 3, 16), BEDROCK),
    ],
)
def test_stairs_end_before_trouble(cell: tuple[int, int, int], block: int) -> None:
    world = meadow()
    assert down(world) == 8
    world.set_block(*cell, block)
    assert down(world) == 2


@pytest.mark.parametrize("seed", range(3))
def test_the_miner_brings_what_it_was_sent_for(seed: int) -> None:
    env, body = body_in(meadow(), seed=seed, inventory={"dirt": 1, "wooden_pickaxe": 1})
    assert perform(env, body, Miner(body, Walker(body), BlockActions(body)).mine(4))
    assert count_kinds(body.inventory)["cobblestone"] >= 4
    assert env.player.health == 20.0


def test_who_went_down_can_come_up_again() -> None:
    env, body = body_in(meadow(), inventory={PICKAXES[1]: 1})
    miner = Miner(body, Walker(body), BlockActions(body))
    slopes: list[Slope] = [-1, 0, 1]
    heights = []
    for slope in slopes:
        perform(env, body, miner.tunnel(6, slope=slope))
        heights.append(body.cell[1])
    assert heights[0] == heights[1] < SURFACE
    assert heights[2] > heights[1]
