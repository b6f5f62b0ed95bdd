"""Properties of the environment that agents, recorders and Gymnasium rely on."""

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import env
from env.errors import GhostkeysError
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import GRASS_BLOCK, OAK_LOG, STONE_BLOCK
from env.voxel.land.world import World

SIZE = (36, 64)
FLOOR = 8


def meadow(*, side: int = 32) -> World:
    """Flat grass at y = 8 with its spawn in the middle."""
    blocks = np.zeros((side, 24, side), np.uint8)
    blocks[:, : FLOOR - 1] = STONE_BLOCK
    blocks[:, FLOOR - 1] = GRASS_BLOCK
    return World(blocks, seed=0, spawn=(side / 2 + 0.5, float(FLOOR), side / 2 + 0.5))


@pytest.fixture
def game() -> VoxelEnv:
    return VoxelEnv(SIZE)


def play(voxel: VoxelEnv, *, seed: int, ticks: int) -> str:
    """Hash of all frames of a random but repeatable game."""
    generator = np.random.default_rng(seed)
    digest = hashlib.sha256(voxel.reset(seed=seed)[0]["pov"])
    for _ in range(ticks):
        digest.update(voxel.step(random_action(generator))[0]["pov"])
    return digest.hexdigest()


def random_action(generator: np.random.Generator) -> dict[str, Any]:
    buttons = {name: int(generator.random() < 0.3) for name in env.BUTTONS}
    return {**buttons, "forward": 1, "attack": 1, "camera": generator.normal(0.0, 5.0, 2).astype(np.float32)}


def test_gymnasium_finds_nothing_to_complain_about() -> None:
    voxel = gymnasium.make("ghostkeys/Voxel-v0", size=SIZE).unwrapped
    with warnings.catch_warnings():
        # MineRL's camera turns by degrees; Gymnasium would rather have it between -1 and 1.
        warnings.filterwarnings("ignore", message=".*symmetric and normalized space")
        check_env(voxel)


def test_vpt_agents_see_128_pixels() -> None:
    voxel = gymnasium.make("ghostkeys/Voxel-v0", size="vpt")
    observation, _ = voxel.reset(seed=0, options={"world": meadow()})
    assert observation["pov"].shape == voxel.observation_space["pov"].shape == (128, 128, 3)  # type: ignore[index]


def test_equal_seeds_and_actions_give_equal_frames_whatever_runs_beside(game: VoxelEnv) -> None:
    alone = play(game, seed=5, ticks=40)
    other = VoxelEnv(SIZE)
    other.reset(seed=5)
    generator = np.random.default_rng(5)
    digest = hashlib.sha256(game.reset(seed=5)[0]["pov"])
    for _ in range(40):
        other.step({"attack": 1, "drop": 1, "back": 1})
        digest.update(game.step(random_action(generator))[0]["pov"])
    assert digest.hexdigest() == alone != play(game, seed=6, ticks=40)


def test_another_process_shows_the_same_frames(game: VoxelEnv) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_environment import VoxelEnv, play, SIZE\n"
        "sys.stdout.write(play(VoxelEnv(SIZE), seed=7, ticks=20))"
    )
    root = Path(env.__file__).parents[1]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout == play(game, seed=7, ticks=20)


def test_an_action_shows_in_the_next_frame(game: VoxelEnv) -> None:
    """frame_i, action_i, frame_{i+1}: the turn of step i is the difference of the yaws before and after it."""
    observation, _ = game.reset(options={"world": meadow()})
    for turn in (3.0, 0.0, -8.0, 5.0):
        before, frame = observation["location_stats"]["yaw"], observation["pov"]
        observation, *_ = game.step({"camera": np.array([turn / 4.0, turn], np.float32)})
        assert observation["location_stats"]["yaw"] - before == pytest.approx(turn)
        assert np.array_equal(observation["pov"], frame) == (turn == 0.0)


def test_the_view_does_not_tip_over(game: VoxelEnv) -> None:
    game.reset(options={"world": meadow()})
    game.advance({"camera": (170.0, 0.0)})
    assert game.player.pitch == 90.0


def test_a_chopped_log_is_a_milestone_and_lies_in_the_inventory(game: VoxelEnv) -> None:
    world = meadow()
    world.set_block(16, FLOOR + 1, 18, OAK_LOG)
    game.reset(options={"world": world})
    assert game.target == (16, FLOOR + 1, 18)
    for _ in range(60):
        game.advance({"attack": 1})
    assert world.block(16, FLOOR + 1, 18) == 0
    for _ in range(30):
        observation, _, _, _, info = game.step({"forward": 1})
    assert observation["inventory"]["oak_log"] == 1
    assert observation["inventory"]["air"] == 35
    assert info["inventory"] == [{"type": "oak_log", "quantity": 1}]
    assert 60 < info["milestones"]["log"] == info["milestones"]["oak_log"] <= 90


def test_options_place_equip_and_turn_the_player(game: VoxelEnv) -> None:
    options = {
        "world": meadow(), "position": (5.5, 8.0, 6.5), "yaw": 90.0, "pitch": 10.0, "inventory": {"wooden_axe": 1},
    }  # fmt: skip
    observation, info = game.reset(options=options)
    assert info["location_stats"] == {"xpos": 5.5, "ypos": 8.0, "zpos": 6.5, "pitch": 10.0, "yaw": 90.0}
    assert observation["equipped_items"]["mainhand"]["type"] == "wooden_axe"
    assert observation["equipped_items"]["mainhand"]["maxDamage"] == 59
    with pytest.raises(ValueError, match="unknown reset option 'postion'"):
        game.reset(options={"postion": (0, 0, 0)})


def test_a_seed_names_a_world(game: VoxelEnv) -> None:
    game.reset(seed=11)
    assert game.world.seed == 11
    game.reset()
    second = game.world.seed
    game.reset(seed=11)
    game.reset()
    assert game.world.seed == second != 11


def test_a_fatal_fall_ends_the_episode(game: VoxelEnv) -> None:
    world = meadow()
    tall = World(np.pad(world.blocks, ((0, 0), (0, 40), (0, 0))), seed=0, spawn=(16.5, 60.0, 16.5))
    game.reset(options={"world": tall})
    terminated = False
    for _ in range(100):
        observation, _, terminated, _, _ = game.step({})
        if terminated:
            break
    assert terminated
    assert observation["life_stats"]["is_alive"] == observation["life_stats"]["life"] == 0.0


def test_an_episode_is_truncated_after_max_ticks() -> None:
    voxel = VoxelEnv(SIZE, max_ticks=3)
    voxel.reset(options={"world": meadow()})
    assert [voxel.step({})[3] for _ in range(3)] == [False, False, True]


def test_a_misspelt_key_is_named(game: VoxelEnv) -> None:
    game.reset(options={"world": meadow()})
    with pytest.raises(GhostkeysError, match="'forward'"):
        game.step({"foward": 1})


def test_a_step_before_the_reset_is_refused(game: VoxelEnv) -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        game.step({})
