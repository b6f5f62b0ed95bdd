"""Eating: what is held goes, hunger is stilled, and it shows."""

from itertools import pairwise

import numpy as np
import pytest

from env.voxel.land.blocks import STONE_BLOCK
from env.voxel.land.world import World
from env.voxel.picture.render import Renderer
from env.voxel.rules.game import Game
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.player import MEAL_TICKS, Player


@pytest.fixture
def game() -> Game:
    """A hungry player on a stone floor, with two apples in the hand."""
    cells = np.zeros((32, 24, 32), np.uint8)
    cells[:, :8] = STONE_BLOCK
    world = World(cells, seed=0, spawn=(16.5, 8.0, 16.5))
    player = Player(world.spawn, inventory=Inventory({"apple": 2}))
    player.vitals.food, player.vitals.saturation = 10, 0.0
    return Game(world, player, np.random.default_rng(0), time_of_day=6000)


def hold(game: Game, ticks: int, **keys: int) -> None:
    for _ in range(ticks):
        game.advance(keys)


def test_a_meal_takes_as_long_as_in_minecraft_and_stills_hunger(game: Game) -> None:
    hold(game, MEAL_TICKS - 1, use=1)
    assert (game.player.food, game.player.inventory.count("apple")) == (10, 2)
    hold(game, 1, use=1)
    assert (game.player.food, game.player.inventory.count("apple")) == (14, 1)
    assert game.player.vitals.saturation == pytest.approx(2.4)


def test_a_meal_that_is_broken_off_is_no_meal(game: Game) -> None:
    hold(game, MEAL_TICKS - 1, use=1)
    hold(game, 1)
    hold(game, MEAL_TICKS - 1, use=1)
    game.advance({"use": 1, "hotbar.2": 1})
    assert (game.player.food, game.player.inventory.count("apple")) == (10, 2)


def test_who_is_full_does_not_eat(game: Game) -> None:
    game.player.vitals.food = 20
    hold(game, 2 * MEAL_TICKS, use=1)
    assert game.player.inventory.count("apple") == 2


def test_one_eats_walking_slowly_and_without_digging(game: Game) -> None:
    game.player.pitch = 60.0
    hold(game, 1, use=1)
    start = game.player.position[2]
    hold(game, MEAL_TICKS - 2, use=1, forward=1, attack=1, sprint=1)
    assert 0.3 < game.player.position[2] - start < 2.0  # 32 ticks of walking would be 7 blocks
    assert not game.player.sprinting
    assert game.hands.swing == 0.0


def test_eating_is_seen(game: Game) -> None:
    renderer = Renderer("vpt")
    frames = [renderer.render(game.world, game.view())]
    for _ in range(8):
        hold(game, 1, use=1)
        frames.append(renderer.render(game.world, game.view()))
    for before, after in pairwise(frames):
        assert (before != after).any(axis=-1).sum() > 20
