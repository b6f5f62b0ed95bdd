"""From nothing to a stone pickaxe, with keys and mouse alone."""

from dataclasses import dataclass

import numpy as np
import pytest

from agents.scripted import ScriptedPlayer
from env import Actions, minerl_action_space
from env.voxel.environment import VoxelEnv

LIMIT = 6000


@dataclass
class Quested:
    actions: Actions
    in_screen: list[bool]
    milestones: dict[str, int]


def quest(seed: int, style: str | None = None) -> Quested:
    """Plays the task without drawing, until it is done."""
    env = VoxelEnv((36, 64), task="stone_pickaxe")
    env.reset(seed=seed)
    player = ScriptedPlayer(style)
    player.reset(env, seed=seed)
    taken, in_screen = [], []
    assert env.task is not None
    while env.tick < LIMIT and not env.task.done(env.game.ledger):
        in_screen.append(env.game.screen is not None)
        taken.append(player.act({}))
        assert minerl_action_space().contains(taken[-1])
        env.advance(taken[-1])
    return Quested(Actions.from_minerl(taken), in_screen, dict(env.game.milestones))


@pytest.fixture(scope="module")
def quested() -> Quested:
    return quest(1)


@pytest.mark.parametrize(("seed", "style"), [(2, None), (3, "miner")])
def test_the_player_makes_a_stone_pickaxe(seed: int, style: str | None) -> None:
    milestones = quest(seed, style).milestones
    way = [milestones.get(item, LIMIT) for item in ("log", "planks", "wooden_pickaxe", "cobblestone", "stone_pickaxe")]
    assert way == sorted(way)
    assert way[-1] < LIMIT


def test_the_same_seed_makes_it_the_same_way(quested: Quested) -> None:
    assert "stone_pickaxe" in quested.milestones
    assert quest(1).actions == quested.actions


def test_in_a_screen_the_hand_moves_pauses_and_clicks(quested: Quested) -> None:
    """Short clicks, on a cursor that stands still; more time goes into moving it than a program would need."""
    inside = quested.actions[np.array(quested.in_screen)]
    clicking = inside.button("attack") | inside.button("use")
    presses = np.flatnonzero(np.diff(clicking.astype(int)) == 1)
    assert 15 < len(presses) < 120
    moved = np.abs(inside.camera).max(axis=1)
    assert np.median(moved[presses + 1]) < 0.5
    assert (moved > 0.0).mean() > 0.3
    assert moved.max() < 10.0


def test_a_screen_is_left_to_the_hands(quested: Quested) -> None:
    """Nobody walks while the inventory is open."""
    inside = quested.actions[np.array(quested.in_screen)]
    assert inside.button("forward").mean() < 0.02
