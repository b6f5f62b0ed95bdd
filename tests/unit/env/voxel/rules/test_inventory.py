"""Stacks, slots, and what lies on the ground."""

import numpy as np
import pytest

from env.voxel.land.blocks import DIRT, GRASS_BLOCK, OAK_LOG, item_id
from env.voxel.land.world import World
from env.voxel.rules.game import Game
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.player import Player


def game_with(inventory: dict[str, int] | None = None) -> Game:
    cells = np.zeros((32, 24, 32), np.uint8)
    cells[:, :8] = GRASS_BLOCK
    player = Player((16.5, 8.0, 16.5), inventory=Inventory(inventory))
    return Game(World(cells, seed=0, spawn=player.position), player, np.random.default_rng(0), time_of_day=0)


def test_items_fill_their_own_stacks_first() -> None:
    inventory = Inventory({"oak_log": 70, "dirt": 1, "wooden_axe": 2})
    assert inventory.counts[:5].tolist() == [64, 6, 1, 1, 1]
    assert inventory.add(OAK_LOG, 60) == 0
    assert inventory.counts[:6].tolist() == [64, 64, 1, 1, 1, 2]
    assert inventory.count("oak_log") == 130


def test_a_full_inventory_takes_no_more() -> None:
    inventory = Inventory({"dirt": 64 * 36 - 3})
    assert inventory.add(DIRT, 5) == 2
    assert inventory.add(OAK_LOG) == 1
    with pytest.raises(ValueError, match="do not fit"):
        Inventory({"dirt": 64 * 36 + 1})


def test_an_unknown_item_is_named() -> None:
    with pytest.raises(ValueError, match="'oak_lgo'"):
        Inventory({"oak_lgo": 1})


def test_an_emptied_slot_forgets_its_item() -> None:
    inventory = Inventory({"oak_log": 2})
    assert inventory.take(0, 5) == 2
    assert inventory.stacks() == []
    assert inventory.items[0] == 0


def test_a_key_selects_its_slot_and_the_hand_shows_the_change() -> None:
    game = game_with({"oak_log": 1, "wooden_axe": 1})
    game.advance({"hotbar.2": 1})
    assert game.player.hotbar_selected == 1
    raised = [game.view().equip]
    for _ in range(5):
        game.advance({"hotbar.2": 1})
        raised.append(game.view().equip)
    assert raised[0] == pytest.approx(0.6)
    assert min(raised) < 0.1
    assert raised[-1] == 1.0
    assert game.view().held_item == item_id("wooden_axe")


def test_drop_throws_one_item_a_press_and_sprint_throws_the_stack() -> None:
    game = game_with({"oak_log": 10})
    for _ in range(3):
        game.advance({"drop": 1})
    assert game.player.inventory.count("oak_log") == 9
    game.advance({})
    game.advance({"drop": 1, "sprint": 1})
    assert game.player.inventory.count("oak_log") == 0
    assert sum(drop.count for drop in game.drops.all) == 10
    assert len(game.view().drops) == 2


def test_a_thrown_item_can_be_picked_up_after_two_seconds() -> None:
    game = game_with({"oak_log": 1})
    game.player.pitch = 90.0
    game.advance({"drop": 1})
    for _ in range(38):
        game.advance({})
    assert game.player.inventory.count("oak_log") == 0
    game.advance({})
    game.advance({})
    assert game.player.inventory.count("oak_log") == 1


def test_items_on_the_ground_join_their_like_and_nothing_is_lost() -> None:
    game = game_with()
    for _ in range(5):
        game.drops.spill(DIRT, 3, (4, 9, 4))
    game.drops.spill(OAK_LOG, 1, (4, 9, 4))
    for _ in range(60):
        game.advance({})
    dirt = [drop.count for drop in game.drops.all if drop.item == DIRT]
    assert sum(dirt) == 15
    assert len(dirt) < 5
    assert [drop.count for drop in game.drops.all if drop.item == OAK_LOG] == [1]
    assert all(drop.on_ground for drop in game.drops.all)


def test_what_does_not_fit_stays_on_the_ground() -> None:
    game = game_with({"oak_log": 64 * 36 - 2})
    game.drops.spill(OAK_LOG, 5, (16, 8, 16))
    for _ in range(20):
        game.advance({})
    assert game.player.inventory.count("oak_log") == 64 * 36
    assert sum(drop.count for drop in game.drops.all) == 3
