"""Rewards, milestones, snapshots, and recordings of play with open screens."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import env as environments
from env.ledger import Ledger
from env.recordings.contractor import read_contractor_file
from env.recordings.recording import Recording
from env.tasks import TASKS, VPT_REWARDS
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import CRAFTING_TABLE, FURNACE, GRASS_BLOCK, STONE_BLOCK, item_id
from env.voxel.land.world import World
from env.voxel.rules.menu import Place
from env.voxel.rules.screen import PIXELS_PER_DEGREE
from env.wrappers import RecordEpisode

FLOOR = 8
AHEAD = (16, FLOOR + 1, 18)


def meadow(block: int = 0) -> World:
    """Flat grass at y = 8 and a block two blocks ahead of the player's eyes."""
    blocks = np.zeros((32, 24, 32), np.uint8)
    blocks[:, : FLOOR - 1], blocks[:, FLOOR - 1] = STONE_BLOCK, GRASS_BLOCK
    blocks[AHEAD] = block
    return World(blocks, seed=0, spawn=(16.5, float(FLOOR), 16.5))


def place(voxel: VoxelEnv, role: str, number: int = 0) -> Place:
    assert voxel.game.screen is not None
    return [each for each in voxel.game.screen.menu.places if each.role == role][number]


def to(voxel: VoxelEnv, target: Place, **keys: int) -> dict[str, Any]:
    """The action that moves the cursor to a slot."""
    assert voxel.game.screen is not None
    (x, y), now = voxel.game.screen.position_of(target), voxel.game.screen.cursor
    camera = np.array([(y - now[1]) / PIXELS_PER_DEGREE, (x - now[0]) / PIXELS_PER_DEGREE], np.float32)
    return {"camera": camera, **keys}


def craft_planks(voxel: VoxelEnv, step: Any) -> list[Any]:
    """Open the inventory, put the logs of the first slot into the grid, and take all planks with shift."""
    results = [step({"inventory": 1}), step({})]
    for target, keys in (
        (place(voxel, "hotbar"), {}), (place(voxel, "grid"), {}), (place(voxel, "result"), {"sneak": 1}),
    ):  # fmt: skip
        results += [step(to(voxel, target)), step({"attack": 1, **keys}), step({})]
    return [*results, step({"ESC": 1}), step({})]


def test_vpts_table_adds_up() -> None:
    ledger = Ledger()
    for name in VPT_REWARDS:
        if name not in ("log", "planks"):
            ledger.gain(name, 100, tick=1)
    ledger.gain("birch_log", 5, tick=1)
    ledger.gain("oak_log", 5, tick=1)
    ledger.gain("oak_planks", 10, tick=1)
    worth = {name: reward.quantity * reward.each for name, reward in VPT_REWARDS.items()}
    assert TASKS["diamond_pickaxe"].total(ledger) == pytest.approx(sum(worth.values()) - 0.5)
    assert TASKS["stone_pickaxe"].total(ledger) == pytest.approx(7 - 0.5)


def test_crafting_is_rewarded_once_per_item_up_to_the_quantity() -> None:
    voxel = VoxelEnv((36, 64), task="stone_pickaxe")
    voxel.reset(options={"world": meadow(), "inventory": {"oak_log": 7}})
    results = craft_planks(voxel, voxel.step)
    assert sum(result[1] for result in results) == pytest.approx(1.0)
    assert results[-1][4]["milestones"].keys() == {"planks", "oak_planks"}
    assert results[-1][0]["inventory"]["oak_planks"] == 28


def test_free_play_has_no_reward() -> None:
    voxel = VoxelEnv((36, 64))
    voxel.reset(options={"world": meadow(), "inventory": {"oak_log": 7}})
    assert not any(result[1] for result in craft_planks(voxel, voxel.step))


def test_the_goal_ends_the_episode() -> None:
    made = gymnasium.make("ghostkeys/VoxelObtainStonePickaxe-v0", size=(36, 64))
    voxel = made.unwrapped
    assert isinstance(voxel, VoxelEnv)
    made.reset(options={"world": meadow(CRAFTING_TABLE), "inventory": {"cobblestone": 3, "stick": 2}})
    made.step({"use": 1})
    grid = [place(voxel, "grid", number) for number in range(9)]
    for name, cells in (("cobblestone", grid[:3]), ("stick", [grid[4], grid[7]])):
        slot = next(each for each in voxel.game.screen.menu.places if each.stack.item == item_id(name))  # type: ignore[union-attr]
        for target in (slot, *cells):
            made.step(to(voxel, target))
            made.step({"attack" if target is slot else "use": 1})
            made.step({})
    made.step(to(voxel, place(voxel, "result")))
    _, reward, terminated, truncated, _ = made.step({"attack": 1})
    assert reward == pytest.approx(1.0)
    assert terminated
    assert not truncated


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="'stone_pikaxe'"):
        VoxelEnv((36, 64), task="stone_pikaxe")


def test_play_goes_on_from_a_snapshot_as_it_did() -> None:
    """With things that lie about, a furnace at work, and a screen that is open; in another environment too."""
    voxel, other = VoxelEnv((36, 64)), VoxelEnv((36, 64))
    items = {"iron_ore": 3, "coal": 2, "dirt": 9}
    voxel.reset(seed=3, options={"world": meadow(FURNACE), "inventory": items})
    voxel.step({"use": 1})
    voxel.step({})
    for action in to_each(voxel):
        voxel.step(action)
    moment = voxel.snapshot()
    first = play_on(voxel)
    for again in (voxel, other, voxel):
        again.restore(moment)
        assert play_on(again) == first
    assert voxel.game.ledger.most["iron_ingot"] > 0


def to_each(voxel: VoxelEnv) -> Any:
    """Shift-click the first two slots, then throw from the third."""
    for number in range(3):
        yield to(voxel, place(voxel, "hotbar", number))
        yield {"attack": 1, "sneak": 1} if number < 2 else {"drop": 1}
        yield {}


def play_on(voxel: VoxelEnv) -> list[bytes]:
    """The frames of a while of play that begins with an open furnace."""
    frames = [voxel.step({})[0]["pov"].tobytes() for _ in range(5)]
    for _ in range(210):
        voxel.advance({})
    frames.append(voxel.step(to(voxel, place(voxel, "output")))[0]["pov"].tobytes())
    actions = [
        {"attack": 1, "sneak": 1},
        {},
        {"inventory": 1},
        {"attack": 1, "drop": 1, "forward": 1},
        *[{"jump": 1}] * 9,
    ]
    return frames + [voxel.step(action)[0]["pov"].tobytes() for action in actions]


def test_a_recording_tells_that_a_screen_is_open_and_where_the_cursor_is(tmp_path: Path) -> None:
    voxel = VoxelEnv((360, 640))
    with RecordEpisode(voxel, tmp_path, "crafting") as episode:
        episode.reset(options={"world": meadow(), "inventory": {"oak_log": 2}})
        shown = []

        def step(action: dict[str, Any]) -> Any:
            screen = voxel.game.screen
            shown.append((screen is not None, (320.0, 180.0) if screen is None else screen.cursor, voxel.render()))
            return episode.step(action)

        craft_planks(voxel, step)
    recording = Recording.open(episode.recordings[0])
    lines = [json.loads(line) for line in (tmp_path / "crafting.jsonl").read_text().splitlines()]
    assert [line["isGuiOpen"] for line in lines] == [is_open for is_open, _, _ in shown]
    assert [line["isGuiInventory"] for line in lines] == [is_open for is_open, _, _ in shown]
    assert {True, False} == {is_open for is_open, _, _ in shown}
    for line, (_, (x, y), _) in zip(lines, shown, strict=True):
        assert (line["mouse"]["x"], line["mouse"]["y"]) == pytest.approx((2 * x, 2 * y))
    ticks = read_contractor_file(tmp_path / "crafting.jsonl").ticks
    assert all(tick.cursor is None for tick in ticks), "a second cursor would be drawn over the one that is there"
    for frame, (_, _, picture) in zip(recording.frames(), shown, strict=True):
        assert np.abs(frame.astype(int) - picture).mean() < 4.0
    pressed = recording.actions.buttons
    assert pressed[0, environments.BUTTONS.index("inventory")]
    assert pressed[:, environments.BUTTONS.index("attack")].sum() == 3
