"""Screens are opened, used and closed by keys and mouse alone, and everything is seen."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from env.voxel.land.blocks import AIR, CRAFTING_TABLE, FURNACE, GRASS_BLOCK, STONE_BLOCK, item_id
from env.voxel.land.world import World
from env.voxel.picture.render import Renderer
from env.voxel.rules.game import Game
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.menu import Place
from env.voxel.rules.player import Player
from env.voxel.rules.screen import PIXELS_PER_DEGREE, Screen
from env.voxel.rules.slots import EMPTY, Stack

FLOOR = 8
AHEAD = (16, FLOOR + 1, 18)


def game_with(inventory: dict[str, int] | None = None, *, block: int = AIR) -> Game:
    """Flat grass at y = 8, a block two blocks ahead of the eyes, the player looking at it."""
    cells = np.zeros((32, 24, 32), np.uint8)
    cells[:, :FLOOR] = GRASS_BLOCK
    cells[AHEAD] = block
    player = Player((16.5, float(FLOOR), 16.5), inventory=Inventory(inventory))
    return Game(World(cells, seed=0, spawn=player.position), player, np.random.default_rng(0), time_of_day=6000)


def screen_of(game: Game) -> Screen:
    assert game.screen is not None
    return game.screen


def place(game: Game, role: str, number: int = 0) -> Place:
    return [each for each in screen_of(game).menu.places if each.role == role][number]


def move(game: Game, x: float, y: float, **keys: int) -> None:
    """Move the cursor to a place of the window with the mouse."""
    now = screen_of(game).cursor
    game.advance({"camera": ((y - now[1]) / PIXELS_PER_DEGREE, (x - now[0]) / PIXELS_PER_DEGREE), **keys})


def point(game: Game, target: Place, **keys: int) -> None:
    move(game, *screen_of(game).position_of(target), **keys)


def click(game: Game, target: Place, button: str = "attack", **keys: int) -> None:
    """Slow clicks: two on one slot are no double click."""
    point(game, target)
    game.advance({button: 1, **keys})
    for _ in range(5):
        game.advance({})


def press(game: Game, *keys: str) -> None:
    game.advance(dict.fromkeys(keys, 1))
    game.advance({})


def test_the_inventory_key_opens_and_closes_once_a_press() -> None:
    game = game_with()
    for _ in range(3):
        game.advance({"inventory": 1})
        assert game.screen is not None
    game.advance({})
    game.advance({"inventory": 1})
    assert game.screen is None
    press(game, "ESC")
    assert game.screen is None
    press(game, "inventory")
    press(game, "ESC")
    assert game.screen is None


def test_the_mouse_moves_the_cursor_and_not_the_view() -> None:
    game = game_with()
    press(game, "inventory")
    assert screen_of(game).cursor == (320.0, 180.0)
    game.advance({"camera": (-3.0, 6.0), "forward": 1, "jump": 1})
    assert screen_of(game).cursor == pytest.approx((360.0, 160.0))
    assert (game.player.yaw, game.player.pitch) == (0.0, 0.0)
    assert game.player.position == (16.5, float(FLOOR), 16.5)
    game.advance({"camera": (180.0, 180.0)})
    assert screen_of(game).cursor == (639.0, 359.0)


def test_planks_are_crafted_by_mouse() -> None:
    game = game_with({"oak_log": 3})
    press(game, "inventory")
    click(game, place(game, "hotbar"))
    click(game, place(game, "grid"), "use")
    click(game, place(game, "hotbar"))
    click(game, place(game, "result"))
    click(game, place(game, "main", 13))
    assert game.player.inventory[22] == Stack(item_id("oak_planks"), 4)
    assert game.player.inventory.count("oak_log") == 2
    assert {"planks", "oak_planks"} == game.milestones.keys()
    assert game.ledger.most["planks"] == 4


def test_what_goes_down_goes_down_when_the_button_is_let_go() -> None:
    game = game_with({"dirt": 5})
    press(game, "inventory")
    point(game, place(game, "hotbar"))
    game.advance({"attack": 1})
    assert screen_of(game).menu.carried.count == 5
    game.advance({})
    target = place(game, "main")
    point(game, target, attack=1)
    assert target.stack == EMPTY
    game.advance({})
    assert target.stack.count == 5


@pytest.mark.parametrize(("button", "counts"), [("attack", [3, 3, 3]), ("use", [1, 1, 1])])
def test_a_drag_spreads(button: str, counts: list[int]) -> None:
    game = game_with({"dirt": 9})
    press(game, "inventory")
    click(game, place(game, "hotbar"))
    targets = [place(game, "main", number) for number in (0, 1, 10)]
    for target in targets:
        point(game, target, **{button: 1})
    assert [
        stack.count for _, x, y, stack in screen_of(game).view().slots if (x, y) in {(t.x, t.y) for t in targets}
    ] == counts
    assert all(target.stack == EMPTY for target in targets)
    game.advance({})
    assert [target.stack.count for target in targets] == counts
    assert screen_of(game).menu.carried.count == 9 - sum(counts)


def test_a_double_click_gathers() -> None:
    game = game_with({"dirt": 10})
    game.player.inventory[30] = Stack(item_id("dirt"), 7)
    press(game, "inventory")
    point(game, place(game, "hotbar"))
    for keys in ({"attack": 1}, {}, {"attack": 1}, {}):
        game.advance(keys)
    assert screen_of(game).menu.carried == Stack(item_id("dirt"), 17)


def test_shift_number_and_drop_keys_act_on_the_slot_below_the_cursor() -> None:
    game = game_with({"dirt": 10, "oak_log": 2})
    press(game, "inventory")
    click(game, place(game, "hotbar", 1), sneak=1)
    assert place(game, "main").stack.count == 2
    point(game, place(game, "main"))
    press(game, "hotbar.5")
    assert game.player.inventory[4].count == 2
    assert game.player.hotbar_selected == 0
    point(game, place(game, "hotbar", 0))
    press(game, "drop")
    press(game, "drop", "sprint")
    assert game.player.inventory[0] == EMPTY
    assert sum(drop.count for drop in game.drops.all) == 10


def test_a_click_beside_the_panel_throws() -> None:
    game = game_with({"dirt": 10})
    press(game, "inventory")
    click(game, place(game, "hotbar"))
    move(game, 100.0, 100.0)
    press(game, "use")
    assert screen_of(game).menu.carried.count == 9
    press(game, "attack")
    assert screen_of(game).menu.carried == EMPTY
    assert sorted(drop.count for drop in game.drops.all) == [1, 9]


def test_a_table_opens_by_use_and_makes_a_stone_pickaxe() -> None:
    game = game_with({"cobblestone": 3, "stick": 2}, block=CRAFTING_TABLE)
    press(game, "use")
    assert screen_of(game).menu.kind == "crafting_table"
    click(game, place(game, "hotbar", 0))
    for number in range(3):
        point(game, place(game, "grid", number), attack=1)
    game.advance({})
    click(game, place(game, "hotbar", 1))
    for number in (4, 7):
        click(game, place(game, "grid", number), "use")
    click(game, place(game, "result"), sneak=1)
    assert game.player.inventory.count("stone_pickaxe") == 1
    assert "stone_pickaxe" in game.milestones


def test_closing_gives_everything_back() -> None:
    game = game_with({"cobblestone": 8, "stick": 2}, block=CRAFTING_TABLE)
    press(game, "use")
    for number in range(2):
        click(game, place(game, "hotbar", number))
        click(game, place(game, "grid", number))
    press(game, "inventory")
    assert game.screen is None
    assert game.player.inventory.count("cobblestone") == 8
    assert game.player.inventory.count("stick") == 2


def test_who_sneaks_builds_against_a_table_and_with_an_empty_hand_opens_it() -> None:
    game = game_with({"dirt": 1}, block=CRAFTING_TABLE)
    game.advance({"sneak": 1})
    game.advance({"sneak": 1, "use": 1})
    assert game.screen is None
    assert game.player.inventory.count("dirt") == 0
    game = game_with(block=CRAFTING_TABLE)
    game.advance({"sneak": 1})
    game.advance({"sneak": 1, "use": 1})
    assert game.screen is not None


def test_a_furnace_works_while_nobody_looks_and_spills_when_it_breaks() -> None:
    game = game_with({"iron_ore": 2, "coal": 1, "wooden_pickaxe": 1}, block=FURNACE)
    press(game, "use")
    for number in range(2):
        click(game, place(game, "hotbar", number), sneak=1)
    press(game, "inventory")
    for _ in range(400):
        game.advance({})
    assert "iron_ingot" not in game.milestones
    press(game, "use")
    click(game, place(game, "output"), "use")
    click(game, place(game, "main"))
    assert game.ledger.most["iron_ingot"] == 1
    press(game, "inventory")
    game.advance({"hotbar.3": 1})
    for _ in range(60):
        game.advance({"attack": 1})
    assert game.world.block(*AHEAD) == AIR
    assert not game.hands.furnaces
    assert item_id("iron_ingot") in {drop.item for drop in game.drops.all}
    for _ in range(30):
        game.advance({"forward": 1})
    assert game.player.inventory.count("iron_ingot") == 2
    assert game.ledger.most["iron_ingot"] == 1, "what fell out of the furnace had not been taken"


def test_the_world_goes_on_behind_a_screen() -> None:
    game = game_with()
    before = game.time_of_day
    for _ in range(5):
        game.advance({"inventory": 1})
    assert game.time_of_day == before + 5


def test_a_button_held_while_a_screen_closes_digs_only_when_pressed_anew() -> None:
    game = game_with(block=STONE_BLOCK)
    press(game, "inventory")
    game.advance({"attack": 1})
    game.advance({"attack": 1, "inventory": 1})
    for _ in range(30):
        game.advance({"attack": 1})
    assert game.hands.crack_stage == -1
    game.advance({})
    for _ in range(30):
        game.advance({"attack": 1})
    assert game.hands.crack_stage >= 0


def test_a_thrown_and_taken_back_item_is_not_gained_twice() -> None:
    game = game_with({"oak_log": 1})
    game.player.pitch = 90.0
    for _ in range(2):
        press(game, "drop")
        for _ in range(60):
            game.advance({})
    assert game.player.inventory.count("oak_log") == 1
    assert game.ledger.most["log"] == 0


def _hover(game: Game) -> None:
    point(game, place(game, "main", 4))


def _carry(game: Game) -> None:
    click(game, place(game, "hotbar"))


def _step_aside(game: Game) -> None:
    move(game, 329.0, 187.0)


@pytest.mark.parametrize("act", [_hover, _carry, _step_aside])
def test_what_the_mouse_does_on_a_screen_is_seen(act: Callable[[Game], Any]) -> None:
    game, renderer = game_with({"oak_log": 3}), Renderer("vpt")
    press(game, "inventory")
    for _ in range(10):
        game.advance({})
    before = renderer.render(game.world, game.view())
    act(game)
    assert (renderer.render(game.world, game.view()) != before).any()


def test_a_screen_leaves_nothing_behind_in_the_picture() -> None:
    game, renderer = game_with({"oak_log": 3}), Renderer((90, 160))
    before = renderer.render(game.world, game.view())
    press(game, "inventory")
    _hover(game)
    assert (renderer.render(game.world, game.view()) != before).mean() > 0.9
    press(game, "inventory")
    fresh = Renderer((90, 160)).render(game.world, game.view())
    assert np.array_equal(renderer.render(game.world, game.view()), fresh)


@pytest.mark.parametrize("block", [AIR, CRAFTING_TABLE, FURNACE])
def test_vpt_sees_the_screen_resized(block: int) -> None:
    game = game_with({"oak_log": 30, "wooden_axe": 1, "stick": 2}, block=block)
    game.player.inventory.wear(1, 20)
    press(game, "use" if block else "inventory")
    click(game, place(game, "hotbar"), "use")
    point(game, place(game, "main", 12), use=1)
    point(game, place(game, "main", 13), use=1)
    move(game, 333.0, 191.0)
    seen = game.view()
    whole = cv2.resize(Renderer((360, 640)).render(game.world, seen), (128, 128), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(whole.astype(int) - Renderer("vpt").render(game.world, seen))
    assert difference.max() <= 1
