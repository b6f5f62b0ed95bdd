"""What an agent sees of MineRL: the embedded world's spaces, `info`, rewards and ends of episodes."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv

from agents.scripted import ScriptedPlayer
from env.errors import GhostkeysError
from env.minerl.process import MineRLError
from env.video.pictures import resize
from env.voxel.environment import VoxelEnv
from tests.fakes.minerl.worlds import digest
from tests.fakes.standin import StandIn
from tests.unit.env.minerl.conftest import DEADLINES, SIZE, MakeEnv, MakeStandIn
from tests.unit.env.minerl.playing import ATTACK, leavings, play

IDS = ("ghostkeys/MineRL-v0", "ghostkeys/MineRLObtainDiamondShovel-v0")


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_finds_nothing_to_complain_about(name: str, game: StandIn) -> None:
    minerl = gymnasium.make(name, size=SIZE, python=game.python, **DEADLINES).unwrapped
    with warnings.catch_warnings():
        # MineRL's camera turns by degrees; Gymnasium would rather have it between -1 and 1.
        warnings.filterwarnings("ignore", message=".*symmetric and normalized space")
        check_env(minerl)
    minerl.close()


@pytest.mark.parametrize("size", [(36, 64), "vpt"])
def test_spaces_are_those_of_the_embedded_world(size: Any, game: StandIn, make_env: MakeEnv) -> None:
    minerl, voxel = make_env(game, size=size), VoxelEnv(size)
    assert minerl.observation_space == voxel.observation_space
    assert minerl.action_space == voxel.action_space
    assert minerl.reset(seed=0)[0] in minerl.observation_space


def test_pictures_have_minecrafts_size_unless_another_is_asked_for(game: StandIn, make_env: MakeEnv) -> None:
    assert make_env(game, size=None).observation_space == VoxelEnv((360, 640)).observation_space


def test_a_game_of_the_embedded_world_is_the_same_through_minerl(make_game: MakeStandIn, make_env: MakeEnv) -> None:
    """A pickaxe is made: frames, numbers, rewards, milestones and the end are equal, bit for bit."""
    voxel = VoxelEnv(SIZE, task="stone_pickaxe", max_ticks=6000)
    minerl = make_env(make_game(world="embedded"), task="stone_pickaxe", max_ticks=6000, launch_deadline=120.0)
    player = ScriptedPlayer()
    (seen, info), (other, other_info) = voxel.reset(seed=1), minerl.reset(seed=1)
    player.reset(voxel, seed=1)
    rewards, ended = [], False
    while not ended:
        assert digest(other) == digest(seen), voxel.tick
        assert _comparable(other_info) == _comparable(info), voxel.tick
        action = player.act(seen)
        seen, *outcome, info = voxel.step(action)
        other, *other_outcome, other_info = minerl.step(action)
        assert other_outcome == outcome, voxel.tick
        rewards.append(outcome[0])
        ended = bool(outcome[1] or outcome[2])
    assert digest(other) == digest(seen)
    assert outcome[1:] == [True, False]
    assert "stone_pickaxe" in other_info["milestones"]
    assert sum(rewards) > 5.0


def test_what_was_thrown_and_is_taken_back_earns_nothing(make_game: MakeStandIn, make_env: MakeEnv) -> None:
    voxel = VoxelEnv(SIZE, task="stone_pickaxe")
    minerl = make_env(make_game(world="embedded"), task="stone_pickaxe", launch_deadline=120.0)
    options = {"inventory": {"oak_log": 3}}
    voxel.reset(seed=1, options=options)
    minerl.reset(seed=1, options=options)
    actions: list[dict[str, Any]] = [{"camera": (90.0, 0.0)}, {"drop": 1}, {}, {"drop": 1}, *[{}] * 70]
    seen = [[each.step(action) for action in actions] for each in (voxel, minerl)]
    logs = [int(step[0]["inventory"]["oak_log"]) for step in seen[1]]
    assert (logs[0], min(logs), logs[-1]) == (3, 1, 3)
    assert [step[1] for step in seen[1]] == [step[1] for step in seen[0]] == [0.0] * len(actions)
    assert seen[1][-1][4]["milestones"] == seen[0][-1][4]["milestones"]


def _comparable(info: dict[str, Any]) -> dict[str, Any]:
    """`info` with the inventory as totals: MineRL tells no slots."""
    totals: dict[str, int] = {}
    for stack in info["inventory"]:
        totals[stack["type"]] = totals.get(stack["type"], 0) + stack["quantity"]
    return {**info, "inventory": totals}


def test_the_seed_is_given_before_every_reset(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    first, _ = minerl.reset(seed=np.int64(7))  # type: ignore[arg-type]
    minerl.reset()
    again, _ = minerl.reset(seed=7)
    drawn = [call["seed"] for call in game.calls("reset")]
    assert drawn[0] == drawn[2] == 7
    assert isinstance(drawn[1], int)
    assert digest(first) == digest(again)


def test_drawn_seeds_follow_from_the_first(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    for _ in range(2):
        minerl.reset(seed=3)
        minerl.reset()
    seeds = [call["seed"] for call in game.calls("reset")]
    assert seeds[1] == seeds[3] != 3


@pytest.mark.parametrize("allow_esc", [False, True])
def test_esc_is_pressed_only_if_it_is_allowed(allow_esc: bool, game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game, allow_esc=allow_esc)
    minerl.reset(seed=0)
    minerl.step({"ESC": 1, "jump": 1, "hotbar.3": True, "camera": (-3.25, 90.0)})
    (call,) = game.calls("step")
    assert sorted(call["held"]) == ["ESC"] * allow_esc + ["hotbar.3", "jump"]
    assert call["camera"] == [-3.25, 90.0]
    assert call["keys"] == 24


def test_a_refused_action_never_reaches_the_game(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    minerl.reset(seed=0)
    with pytest.raises(GhostkeysError, match="jmp"):
        minerl.step({"jmp": 1})
    assert game.calls("step") == []
    assert "invalid" not in minerl.step({"jump": 1})[4]


@pytest.mark.parametrize("size", [(18, 32), "vpt"])
def test_pictures_are_resized(size: Any, make_game: MakeStandIn, make_env: MakeEnv) -> None:
    whole, _ = make_env(make_game()).reset(seed=4)
    minerl = make_env(make_game(), size=size)
    small, _ = minerl.reset(seed=4)
    if size == "vpt":
        assert np.array_equal(small["pov"], resize(whole["pov"], (128, 128), interpolation="linear"))
    else:
        means = whole["pov"].reshape(18, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(small["pov"] - means).max() <= 0.5
    assert np.array_equal(minerl.render(), small["pov"])  # type: ignore[arg-type]


def test_the_clock_truncates(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game, max_ticks=3)
    for _ in range(2):
        minerl.reset(seed=0)
        assert [minerl.step(ATTACK)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]


def test_death_terminates(make_game: MakeStandIn, make_env: MakeEnv) -> None:
    minerl = make_env(make_game(die_at=2))
    minerl.reset(seed=0)
    minerl.step(ATTACK)
    observation, _, terminated, truncated, info = minerl.step(ATTACK)
    assert (terminated, truncated, "invalid" in info) == (True, False, False)
    assert observation["life_stats"]["is_alive"] == 0.0
    with pytest.raises(gymnasium.error.ResetNeeded):
        minerl.step(ATTACK)
    assert minerl.reset(seed=1)[0]["life_stats"]["is_alive"] == 1.0


def test_minerls_own_count_of_steps_ends_no_episode(make_game: MakeStandIn, make_env: MakeEnv) -> None:
    game = make_game(timeout=10)
    minerl = make_env(game, spec="MineRLObtainDiamondShovel-v0", task="diamond_shovel")
    for seed in range(3):
        minerl.reset(seed=seed)
        assert not any(any(minerl.step(ATTACK)[2:4]) for _ in range(8))
    assert len(game.calls("step")) == 24


@pytest.mark.parametrize("spec", ["MineRLObtainDiamondShovel-v0", "MineRLBasaltFindCave-v0"])
def test_a_spec_that_observes_less_is_asked_for_all(spec: str, game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game, spec=spec, task="stone_pickaxe")
    assert play(minerl, game, seed=5, ticks=12).rewards == 0.25


def test_a_key_that_a_spec_lacks_is_left_out(
    game: StandIn, make_env: MakeEnv, caplog: pytest.LogCaptureFixture
) -> None:
    minerl = make_env(game, spec="MineRLBasaltFindCave-v0")
    minerl.reset(seed=0)
    minerl.step({"pickItem": 1, "jump": 1})
    assert [call["held"] for call in game.calls("step")] == [["jump"]]
    assert "pickItem" in caplog.text


def test_reset_options_reach_the_game(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    options = {"inventory": {"oak_log": 70}, "biome": "mountains", "position": (1, 70.5, -2), "yaw": 90.0, "pitch": 5}
    observation, info = minerl.reset(seed=0, options=options)
    assert observation["inventory"]["oak_log"] == 70
    assert info["location_stats"] == {"xpos": 1.0, "ypos": 70.5, "zpos": -2.0, "yaw": 90.0, "pitch": 5.0}
    assert game.calls("reset")[0]["start"]["biome"] == "mountains"
    assert info["milestones"] == {}
    minerl.reset(seed=0)
    assert game.calls("reset")[1]["start"] == {}


@pytest.mark.parametrize("options", [{"time_of_day": 6000}, {"world": None, "time_of_day": 1}, {"biome": "moon"}])
def test_what_minerl_cannot_begin_with_is_refused(options: dict[str, Any], game: StandIn, make_env: MakeEnv) -> None:
    with pytest.raises(GhostkeysError):
        make_env(game).reset(options=options)
    assert game.processes() == []


def test_preparing_starts_minerl_and_not_the_game(game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    assert game.processes() == []
    minerl.prepare()
    assert len(game.processes()) == 1
    assert "diamond_shovel" in minerl.items
    minerl.reset(seed=0)
    assert len(game.processes()) == 2
    minerl.close()
    minerl.close()
    assert leavings(game, scratch) == []


def test_a_game_that_is_launched_by_the_first_reset_plays_too(make_game: MakeStandIn, make_env: MakeEnv) -> None:
    game = make_game(apart=False)
    assert play(make_env(game, task="stone_pickaxe"), game, seed=1, ticks=10).rewards == 0.25


def test_what_is_no_minerl_is_named(tmp_path: Path, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    with pytest.raises(MineRLError, match=r"nowhere.*scripts/minerl\.sh"):
        make_env(game, python=tmp_path / "nowhere")
    with pytest.raises(MineRLError, match=r"MineRLTreechop-v9.*MineRLHumanSurvival-v0"):
        make_env(game, spec="MineRLTreechop-v9").prepare()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no such module >&2\nexit 4\n")
    broken.chmod(0o755)
    with pytest.raises(MineRLError, match=r"status 4.*no such module"):
        make_env(game, python=broken).reset()
    assert leavings(game, scratch) == []


def test_logs_are_kept_in_whatever_folder(tmp_path: Path, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    logs = tmp_path / ("a" * 100) / "logs"
    minerl = make_env(game, logs=logs)
    game.force({"op": "step", "at": 1, "kind": "noise"})
    assert play(minerl, game, seed=0, ticks=2).invalid is None
    minerl.close()
    assert [b" noise " in path.read_bytes() for path in logs.rglob("worker.log")] == [True]
    assert leavings(game, scratch) == []


def test_a_temporary_folder_with_a_long_path_is_named(
    tmp_path: Path, game: StandIn, scratch: Path, make_env: MakeEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("a" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(MineRLError, match="TMPDIR"):
        make_env(game).reset()
    assert leavings(game, folder) == []


def test_games_side_by_side_have_ports_of_their_own(
    make_game: MakeStandIn, make_env: MakeEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each job of a machine has a temporary folder of its own."""
    ports = []
    for game in (make_game(), make_game()):
        make_env(game).reset(seed=0)
        ports.append(min(_listened_to(game)))
        monkeypatch.setattr(tempfile, "tempdir", tempfile.mkdtemp(dir=tempfile.gettempdir()))
    assert abs(ports[0] - ports[1]) >= 16


def _listened_to(game: StandIn) -> set[int]:
    found = [each for process in game.processes() for each in process.net_connections() if each.status == "LISTEN"]
    return {each.laddr.port for each in found}


def test_the_screen_is_followed(game: StandIn, make_env: MakeEnv) -> None:
    minerl = make_env(game)
    minerl.reset(seed=0)
    info = minerl.step({"inventory": 1, "hotbar.4": 1})[4]
    assert (info["isGuiOpen"], info["isGuiInventory"], info["mouse"]) == (True, True, {"x": 640.0, "y": 360.0})
    info = minerl.step({"camera": (0.0, 15.0)})[4]
    assert info["mouse"] == {"x": 640.0 + 200.0, "y": 360.0}
    assert not minerl.step({"inventory": 1})[4]["isGuiOpen"]


def test_two_games_side_by_side(make_game: MakeStandIn, scratch: Path) -> None:
    """One of them fails: it alone is void, and plays again after its reset."""
    games = [make_game(), make_game(faults=[{"op": "step", "at": 3, "kind": "error_info"}])]

    def makes(stand_in: StandIn) -> Any:
        return lambda: gymnasium.make("ghostkeys/MineRL-v0", size=SIZE, python=stand_in.python, **DEADLINES)

    both = AsyncVectorEnv([makes(each) for each in games])
    try:
        both.reset(seed=[1, 2])
        noop = both.action_space.sample()
        ends = [both.step(noop)[3].tolist() for _ in range(5)]
    finally:
        both.close()
    assert ends == [[False, False], [False, False], [False, True], [False, False], [False, False]]
    assert [leavings(each, scratch) for each in games] == [[], []]
