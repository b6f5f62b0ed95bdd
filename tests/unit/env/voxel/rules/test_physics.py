"""The body moves as in Minecraft 1.16: measured by ticking, against the game's known figures."""

from collections.abc import Iterable
from math import hypot
from typing import Any

import numpy as np
import pytest

from env.voxel.land.blocks import STONE_BLOCK, WATER
from env.voxel.land.world import World
from env.voxel.rules.game import Game
from env.voxel.rules.physics import cast_ray, is_inside_solid
from env.voxel.rules.player import Player

FLOOR = 8
TICKS_PER_SECOND = 20


def game_on(cells: np.ndarray[Any, np.dtype[np.uint8]], position: tuple[float, float, float]) -> Game:
    world = World(cells, seed=0, spawn=position)
    return Game(world, Player(position), np.random.default_rng(0), time_of_day=6000)


def plain(length: int = 128) -> Game:
    """A long flat floor at y = 8; the player looks along it (+z)."""
    cells = np.zeros((16, 32, length), np.uint8)
    cells[:, :FLOOR] = STONE_BLOCK
    return game_on(cells, (8.5, float(FLOOR), 4.5))


def repeat(game: Game, keys: Iterable[str], ticks: int) -> None:
    for _ in range(ticks):
        game.advance(dict.fromkeys(keys, 1))


def speed(game: Game, keys: Iterable[str]) -> float:
    """Steady horizontal speed in blocks a second."""
    repeat(game, keys, 30)
    x, _, z = game.player.position
    repeat(game, keys, TICKS_PER_SECOND)
    return hypot(game.player.position[0] - x, game.player.position[2] - z)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["forward"], 4.317),
        (["forward", "sprint"], 5.612),
        (["forward", "sneak"], 1.295),
        (["forward", "back"], 0.0),
        (["forward", "sprint", "jump"], 7.127),
    ],
)
def test_steady_speeds(keys: list[str], expected: float) -> None:
    assert speed(plain(), keys) == pytest.approx(expected, rel=0.02 if "jump" in keys else 0.001, abs=1e-9)


def test_strafing_goes_left_of_the_view() -> None:
    game = plain()
    repeat(game, ["left"], 5)
    assert game.player.position[0] > 8.5  # facing south, left is east


def test_a_jump_rises_one_and_a_quarter_blocks_and_repeats_while_held() -> None:
    game = plain()
    heights = []
    for _ in range(60):
        game.advance({"jump": 1})
        heights.append(game.player.position[1] - FLOOR)
    assert max(heights) == pytest.approx(1.252, abs=5e-4)
    landings = [i for i in range(1, 60) if heights[i] == 0.0 < heights[i - 1]]
    assert np.diff(landings).tolist() == [12] * (len(landings) - 1)


def test_a_jump_under_a_low_ceiling_waits_ten_ticks() -> None:
    game = plain()
    for z in range(2, 8):
        game.world.set_block(8, FLOOR + 2, z, STONE_BLOCK)
    leaps = []
    for tick in range(40):
        game.advance({"jump": 1})
        if game.player.velocity[1] == 0.0 or game.player.position[1] > FLOOR + 0.15:
            leaps.append(tick)
    starts = [a for a, b in zip(leaps, [-9, *leaps], strict=False) if a - b > 1]
    assert np.diff(starts).tolist() == [10] * (len(starts) - 1)


def test_sprinting_outlasts_its_key_but_not_a_wall() -> None:
    game = plain(length=40)
    repeat(game, ["forward", "sprint"], 3)
    sprinting = []
    for ticks in (10, 200):
        repeat(game, ["forward"], ticks)
        sprinting.append(game.player.sprinting)
    assert sprinting == [True, False]
    assert game.player.position[2] == pytest.approx(40 - 0.3)  # the world's side cannot be left


@pytest.mark.parametrize("keys", [[], ["back"], ["forward", "sneak"]])
def test_sprinting_ends_without_forward_and_with_sneak(keys: list[str]) -> None:
    game = plain()
    repeat(game, ["forward", "sprint"], 5)
    repeat(game, keys, 1)
    assert not game.player.sprinting


def test_a_double_tap_starts_a_sprint() -> None:
    game = plain()
    for keys in (["forward"], [], ["forward"]):
        repeat(game, keys, 2)
    assert game.player.sprinting


def test_sprinting_widens_the_view_and_sneaking_lowers_it() -> None:
    game = plain()
    repeat(game, ["forward", "sprint"], 1)
    assert game.view().fov == pytest.approx(70 * 1.075)
    repeat(game, ["forward", "sprint"], 20)
    assert game.view().fov == pytest.approx(70 * 1.15)
    repeat(game, ["sneak"], 1)
    assert game.view().eye[1] - FLOOR == pytest.approx((1.62 + 1.27) / 2)
    repeat(game, ["sneak"], 20)
    assert game.view().eye[1] - FLOOR == pytest.approx(1.27)


@pytest.mark.parametrize("keys", [["forward"], ["forward", "left"], ["forward", "right"]])
def test_sneaking_stays_on_the_edge(keys: list[str]) -> None:
    game = plain(length=20)
    game.world.blocks[:, :FLOOR, 8:] = 0
    repeat(game, [*keys, "sneak"], 200)
    assert game.player.position[1] == FLOOR
    assert 8.0 < game.player.position[2] < 8.3
    repeat(game, ["forward"], 20)
    assert game.player.position[1] < FLOOR


def test_a_crouching_player_stays_low_until_there_is_room() -> None:
    cells = np.zeros((8, 16, 24), np.uint8)
    cells[:, :FLOOR] = STONE_BLOCK
    cells[:, FLOOR + 2, 6:12] = STONE_BLOCK
    game = game_on(cells, (4.5, float(FLOOR), 4.5))
    repeat(game, ["forward"], 20)
    assert game.player.position[2] > 6.0  # two blocks are room enough


@pytest.mark.parametrize(("drop", "damage"), [(3, 0), (4, 1), (10, 7)])
def test_fall_damage(drop: int, damage: int) -> None:
    game = plain()
    x, y, z = game.player.position
    game.player.position = (x, y + drop, z)
    game.player.on_ground = False
    game.player.vitals.food = 10  # no healing
    repeat(game, [], 40)
    assert game.player.health == 20 - damage


@pytest.mark.parametrize("seed", range(3))
def test_nobody_gets_into_a_block_or_out_of_the_world(seed: int) -> None:
    generator = np.random.default_rng(seed)
    cells = np.where(generator.random((12, 24, 12)) < 0.12, STONE_BLOCK, 0).astype(np.uint8)
    cells[:, :2] = STONE_BLOCK
    cells[5:8, 2:6, 5:8] = 0
    game = game_on(cells, (6.5, 2.0, 6.5))
    keys = ["forward", "left", "right", "back", "jump", "sneak", "sprint"]
    for _ in range(100):
        held = [key for key in keys if generator.random() < 0.4]
        game.player.turn(0.0, float(generator.normal(0.0, 60.0)))
        for _ in range(10):
            game.advance(dict.fromkeys(held, 1))
            assert not is_inside_solid(cells, game.player.box)


def pool() -> Game:
    cells = np.zeros((16, 32, 32), np.uint8)
    cells[:, :FLOOR] = STONE_BLOCK
    cells[:, FLOOR - 5 : FLOOR, 8:24] = WATER
    return game_on(cells, (8.5, float(FLOOR), 12.5))


def test_a_swimmer_floats_while_jump_is_held_and_sinks_slowly_without() -> None:
    game = pool()
    repeat(game, ["jump"], 100)
    assert game.player.position[1] > FLOOR - 1.5
    assert not game.head_in_water
    start = game.player.position[1]
    repeat(game, [], 20)
    assert 0.1 < start - game.player.position[1] < 1.5


def test_a_swimmer_climbs_out() -> None:
    game = pool()
    repeat(game, ["jump", "forward"], 300)
    repeat(game, [], 20)
    assert game.player.position[1] == FLOOR
    assert game.player.position[2] > 24.0


def test_a_diver_runs_out_of_breath() -> None:
    game = pool()
    repeat(game, [], 310)
    assert game.head_in_water
    assert game.player.health == 20
    repeat(game, [], 100)
    assert game.player.health < 20


def test_water_breaks_a_fall() -> None:
    game = pool()
    game.player.position = (8.5, FLOOR + 20.0, 12.5)
    game.player.on_ground = False
    repeat(game, [], 80)
    assert game.player.health == 20


def test_the_ray_meets_the_first_block_within_reach() -> None:
    cells = np.zeros((16, 16, 16), np.uint8)
    cells[8, 8, 10:12] = STONE_BLOCK
    eye = (8.5, 8.5, 6.5)
    assert cast_ray(cells, eye, (0.0, 0.0, 1.0), 4.5) == (True, (8, 8, 10), (0, 0, -1))
    assert not cast_ray(cells, eye, (0.0, 0.0, 1.0), 3.4)[0]
    assert not cast_ray(cells, eye, (0.0, 0.0, -1.0), 100.0)[0]
