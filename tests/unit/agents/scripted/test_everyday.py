"""The style that does a little of everything: all buttons, flicks, short looks into the inventory."""

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.record import Session
from agents.scripted import STYLES, ScriptedPlayer, Style
from agents.scripted.body import Body
from agents.scripted.fidgets import Fidgets
from agents.scripted.human_input import NONE, Mouse
from agents.scripted.rummaging import Rummager
from env import BUTTONS, Actions
from env.actions import HOTBAR
from env.voxel.environment import VoxelEnv

TICKS = 1200


@dataclass
class Episode:
    actions: Actions
    in_screen: NDArray[np.bool_]  # (T,)
    slots: NDArray[np.int64]  # (T,), the hotbar's slot in hand
    kit: dict[str, int]


def play(seed: int, ticks: int = TICKS) -> Episode:
    """A recording's episode, without drawing."""
    session = Session(folder=Path(), style="everyday", seed=seed, env="", size=(36, 64), ticks=ticks)
    options = session.reset_options()
    env = VoxelEnv((36, 64))
    env.reset(seed=seed, options=options)
    player = ScriptedPlayer("everyday")
    player.reset(env, seed=seed)
    taken, in_screen, slots = [], [], []
    for _ in range(ticks):
        in_screen.append(env.game.screen is not None)
        slots.append(env.game.player.hotbar_selected)
        taken.append(player.act({}))
        env.advance(taken[-1])
    return Episode(Actions.from_minerl(taken), np.array(in_screen), np.array(slots), options["inventory"])


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    return [play(seed) for seed in range(5)]


def presses(episodes: list[Episode], button: str) -> int:
    """How often a button goes down."""
    return sum(int((np.diff(each.actions.button(button).astype(int)) == 1).sum()) for each in episodes)


def test_all_twenty_buttons_are_pressed(episodes: list[Episode]) -> None:
    pressed = {button: presses(episodes, button) for button in BUTTONS}
    assert all(pressed.values()), pressed


def test_low_slots_of_the_hotbar_are_chosen_most(episodes: list[Episode]) -> None:
    """And so often that the picture tells of it: several times a minute another slot is in hand."""
    low, high = (sum(presses(episodes, key) for key in keys) for keys in (HOTBAR[:3], HOTBAR[-3:]))
    assert low > high
    assert sum(int((np.diff(each.slots) != 0).sum()) for each in episodes) > 4 * len(episodes)


def test_the_inventory_is_open_for_a_few_seconds_at_a_time(episodes: list[Episode]) -> None:
    """It closes again every time, and most of the play is outside."""
    lengths = [len(list(run)) for each in episodes for inside, run in groupby(each.in_screen.tolist()) if inside]
    assert len(lengths) >= len(episodes)
    assert 20 <= float(np.median(lengths)) <= 80
    assert max(lengths) < 200
    assert 0.03 < np.mean([each.in_screen.mean() for each in episodes]) < 0.25


def test_the_cursor_moves_and_clicks(episodes: list[Episode]) -> None:
    inside = [each.actions[each.in_screen] for each in episodes]
    assert sum(int((np.diff(each.button("attack").astype(int)) == 1).sum()) for each in inside) > len(episodes)
    assert np.mean([(np.abs(each.camera).max(axis=1) > 0).mean() for each in inside if len(each)]) > 0.2


def test_flicks_stand_beside_slow_turns(episodes: list[Episode]) -> None:
    camera = np.abs(np.concatenate([each.actions.camera[~each.in_screen] for each in episodes]))
    assert camera[:, 1].max() > 20.0
    assert camera[:, 0].max() > 15.0
    assert camera.max() <= 45.0
    moving = camera[camera > 0.0]
    assert np.percentile(moving, 25) < 2.0


def test_the_same_seed_plays_the_same() -> None:
    first, again, other = play(3, 400), play(3, 400), play(4, 400)
    assert first.actions == again.actions
    assert first.actions != other.actions


def test_each_episode_has_things_of_its_own_to_handle(episodes: list[Episode]) -> None:
    style = STYLES["everyday"]
    assert style.kit_kinds is not None
    for each in episodes:
        assert style.kit_kinds[0] <= len(each.kit) <= style.kit_kinds[1]
        assert all(1 <= count <= style.kit[kind] for kind, count in each.kit.items())
    assert len({tuple(each.kit) for each in episodes}) == len(episodes)


def turned(style: Style, turn: float, seed: int) -> NDArray[np.float64]:
    """The speed, in degrees a tick, with which a flick of so many degrees of yaw begins and ends."""
    mouse = Mouse(style, np.random.default_rng(seed))
    mouse.aim(turn, 0.0, tolerance=0.25 * turn, flick=True)
    yaw, speeds = 0.0, [0.0]
    while not mouse.settled:
        step = float(mouse.move(yaw, 0.0)[1])
        yaw += step
        speeds.append(step)
    return np.array(speeds)


@pytest.mark.parametrize("turn", [40.0, 90.0, 170.0])
def test_a_flick_is_quick_and_smooth(turn: float) -> None:
    """It speeds up and slows down by no more than a hand can, the unsteadiness of a movement allowed for."""
    style = replace(STYLES["everyday"], flick_speed=(45.0, 45.0), tremor=0.0)
    for seed in range(5):
        speeds = turned(style, turn, seed)
        assert speeds.max() > 1.2 * Mouse.TOP_SPEED
        assert np.abs(np.diff(speeds)).max() < 1.5 * Mouse.FLICK_ACCELERATION
        assert np.argmax(speeds) not in (0, len(speeds) - 1)


def test_a_style_without_flicks_keeps_below_what_vpt_can_tell() -> None:
    assert turned(STYLES["explorer"], 90.0, 0).max() <= Mouse.TOP_SPEED


def game(inventory: dict[str, int], **changes: object) -> tuple[VoxelEnv, Body]:
    """A world without a player's script, and the hands of one in it."""
    env = VoxelEnv((36, 64))
    env.reset(seed=2, options={"inventory": inventory})
    style = replace(STYLES["everyday"], **changes)  # type: ignore[arg-type]
    return env, Body(env, style, np.random.default_rng(0))


def test_rummaging_moves_stacks_and_loses_none() -> None:
    """Without the key that throws things out, all that was there lies somewhere else."""
    env, body = game({"dirt": 30, "oak_planks": 20, "sand": 10})
    before = env.game.player.inventory.stacks()
    thrown = 0
    for _ in range(4):
        for keys in Rummager(body).rummage(120):
            body.attend()
            action = body.act(keys)
            thrown += int(action["drop"])
            env.advance(action | {"drop": 0})
        assert env.game.screen is None
    after = env.game.player.inventory.stacks()
    assert after != before
    for kind in ("dirt", "oak_planks", "sand"):
        counts = [sum(int(each["quantity"]) for each in stacks if each["type"] == kind) for stacks in (before, after)]
        assert counts[0] == counts[1] > 0


def test_nothing_is_dropped_from_an_empty_hand() -> None:
    """It would be a key press that leaves no trace in the picture."""
    for kit, dropped in (({}, False), ({"dirt": 64}, True)):
        env, body = game(kit, fidgets={"drop": 200.0})
        fidgets, keys = Fidgets(body), []
        for _ in range(100):
            body.attend()
            action = body.act(fidgets.beside(NONE))
            keys.append(int(action.get("drop", 0)))
            env.advance(action)
        assert bool(sum(keys)) == dropped
