"""Digging and building take as long, and cost and yield as much, as in Minecraft 1.16."""

from typing import Any

import numpy as np
import pytest

from env.voxel.land import blocks
from env.voxel.land.blocks import AIR, BLOCKS, COBBLESTONE, GRASS_BLOCK, OAK_LOG, OAK_PLANKS, STONE_BLOCK, item, item_id
from env.voxel.land.world import World
from env.voxel.rules import mining
from env.voxel.rules.game import Game
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.player import Player

FLOOR = 8
AHEAD = (16, FLOOR + 1, 18)


def game_with(block: int = AIR, inventory: dict[str, int] | None = None) -> Game:
    """Flat grass at y = 8, a block two blocks ahead of the eyes, the player looking at it."""
    cells = np.zeros((32, 24, 32), np.uint8)
    cells[:, :FLOOR] = GRASS_BLOCK
    cells[AHEAD] = block
    player = Player((16.5, float(FLOOR), 16.5), inventory=Inventory(inventory))
    return Game(World(cells, seed=0, spawn=player.position), player, np.random.default_rng(0), time_of_day=0)


def ticks_to_break(game: Game, action: dict[str, Any] | None = None) -> int:
    for tick in range(1, 400):
        game.advance({"attack": 1, **(action or {})})
        if game.world.block(*AHEAD) == AIR:
            return tick
    raise AssertionError("it does not break")


@pytest.mark.parametrize(
    ("block", "tool", "ticks"),
    [
        (OAK_LOG, None, 60),
        (OAK_LOG, "wooden_axe", 30),
        (OAK_LOG, "stone_axe", 15),
        (blocks.OAK_LEAVES, None, 6),
        (blocks.DIRT, None, 15),
        (GRASS_BLOCK, None, 18),
        (STONE_BLOCK, None, 150),
        (STONE_BLOCK, "wooden_pickaxe", 23),
        (STONE_BLOCK, "diamond_pickaxe", 6),
        (blocks.CRAFTING_TABLE, None, 75),
        (blocks.FURNACE, "wooden_pickaxe", 53),
        (blocks.IRON_ORE, "stone_pickaxe", 23),
        (blocks.TORCH, None, 1),
    ],
)
def test_a_block_takes_its_ticks(block: int, tool: str | None, ticks: int) -> None:
    game = game_with(block, {tool: 1} if tool else None)
    game.player.pitch = 5.0  # low enough for a torch
    assert ticks_to_break(game) == ticks


def test_bedrock_and_obsidian() -> None:
    obsidian = BLOCKS[blocks.OBSIDIAN]
    assert mining.damage_per_tick(obsidian, item(item_id("diamond_pickaxe"))) == pytest.approx(1 / 187.5)
    assert mining.damage_per_tick(BLOCKS[blocks.BEDROCK], None) == 0.0


def test_digging_in_the_air_takes_five_times_as_long() -> None:
    log = BLOCKS[OAK_LOG]
    assert mining.damage_per_tick(log, None, on_ground=False) == pytest.approx(mining.damage_per_tick(log, None) / 5)


def test_only_the_right_tool_makes_a_block_drop() -> None:
    rng = np.random.default_rng(0)
    wooden, stone = (item(item_id(f"{tier}_pickaxe")) for tier in ("wooden", "stone"))
    assert mining.drops(STONE_BLOCK, None, rng) == []
    assert mining.drops(STONE_BLOCK, wooden, rng) == [(COBBLESTONE, 1)]
    assert mining.drops(blocks.IRON_ORE, wooden, rng) == []
    assert mining.drops(blocks.IRON_ORE, stone, rng) == [(blocks.IRON_ORE, 1)]
    assert mining.drops(blocks.COAL_ORE, wooden, rng) == [(item_id("coal"), 1)]
    assert mining.drops(GRASS_BLOCK, None, rng) == [(blocks.DIRT, 1)]


def test_cracks_grow_and_vanish_when_the_button_is_released() -> None:
    game = game_with(OAK_LOG)
    stages = []
    for _ in range(59):
        game.advance({"attack": 1})
        stages.append(game.view().crack_stage)
    assert stages[0] == -1
    assert stages[-1] == 8
    assert stages == sorted(stages)
    game.advance({})
    assert game.view().crack_stage == -1
    assert ticks_to_break(game) == 60


def test_looking_away_starts_over() -> None:
    game = game_with(OAK_LOG)
    game.world.set_block(17, FLOOR + 1, 18, OAK_LOG)
    for _ in range(50):
        game.advance({"attack": 1})
    game.advance({"attack": 1, "camera": (0.0, -25.0)})
    assert game.hands.target == (17, FLOOR + 1, 18)
    game.advance({"attack": 1, "camera": (0.0, 25.0)})
    assert ticks_to_break(game) == 60


def test_five_ticks_pass_before_the_next_block() -> None:
    game = game_with(OAK_LOG)
    behind = (16, FLOOR + 1, 19)
    game.world.set_block(*behind, blocks.OAK_LEAVES)
    ticks_to_break(game)
    ticks = 0
    while game.world.block(*behind) != AIR:
        game.advance({"attack": 1})
        ticks += 1
    assert ticks == 5 + 1 + 6  # the delay, the first touch, the leaves


def test_the_arm_swings_for_six_ticks() -> None:
    game = game_with()
    game.advance({"attack": 1})
    swings = [game.view().swing]
    for _ in range(6):
        game.advance({})
        swings.append(game.view().swing)
    assert swings == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0, 0.0])


def test_a_tool_wears_and_breaks() -> None:
    game = game_with(OAK_LOG, {"wooden_axe": 1})
    game.player.inventory.damage[0] = 57
    ticks_to_break(game)
    assert game.player.inventory.damage[0] == 58
    game.world.set_block(*AHEAD, OAK_LOG)
    ticks_to_break(game)
    assert game.player.held_item == 0


def test_placing_a_block_uses_it_up_and_repeats_every_four_ticks() -> None:
    game = game_with(STONE_BLOCK, {"oak_planks": 3})
    game.advance({"use": 1})
    assert game.world.block(16, FLOOR + 1, 17) == OAK_PLANKS
    assert game.player.inventory.count("oak_planks") == 2
    assert game.view().swing > 0.0
    game = game_with(blocks.AIR, {"oak_planks": 64})
    game.player.pitch = 60.0
    counts = []
    for _ in range(9):
        game.advance({"use": 1, "camera": (-3.0, 0.0)})
        counts.append(game.player.inventory.count("oak_planks"))
    assert counts[:5] == [63, 63, 63, 63, 62]


def test_no_block_is_placed_inside_the_player() -> None:
    game = game_with(inventory={"oak_planks": 1})
    game.player.pitch = 90.0
    game.advance({"use": 1})
    assert game.player.inventory.count("oak_planks") == 1


def test_jumping_and_building_below_oneself_rises() -> None:
    game = game_with(inventory={"oak_planks": 5})
    game.player.pitch = 90.0
    for _ in range(80):
        game.advance({"jump": 1, "use": 1})
    assert game.player.inventory.count("oak_planks") == 0
    assert game.world.block(16, FLOOR + 4, 16) == OAK_PLANKS


def test_flowers_need_soil_and_fall_with_it() -> None:
    game = game_with(blocks.DIRT, {"poppy": 1})
    game.world.set_block(AHEAD[0], AHEAD[1] + 1, AHEAD[2], blocks.POPPY)
    ticks_to_break(game)
    assert game.world.block(AHEAD[0], AHEAD[1] + 1, AHEAD[2]) == AIR
    assert {drop.item for drop in game.drops.all} == {blocks.DIRT, blocks.POPPY}
    game = game_with(STONE_BLOCK, {"poppy": 1})
    game.advance({"use": 1})
    assert game.player.inventory.count("poppy") == 1
