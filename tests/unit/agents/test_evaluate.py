import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch

from agents import Policy, PolicyConfig, RandomAgent, evaluate, load, rollout
from agents.commands import evaluate as evaluate_command
from agents.evaluate import wilson, write_video
from agents.policy_player import PolicyPlayer
from agents.rollout import Episode
from agents.trial import Trial
from env.actions import BUTTONS, Actions
from env.errors import GhostkeysError
from env.video.frames import probe
from learning.checkpoint import save_checkpoint
from tests.unit.agents.tiny_env import ENV_ID, FEW_KEYS_ID, ODD, TIMED_ENV_ID

SMALL = PolicyConfig(size=(16, 16), channels=(4, 8), features=16, width=16, depth=1, heads=2, memory=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An untrained policy."""
    torch.manual_seed(0)
    return save_checkpoint(tmp_path / "policy", "policy", SMALL.to_dict(), Policy(SMALL).state_dict())


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_the_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    """The last row is Newcombe's worked example (Statistics in Medicine 17, 1998)."""
    rate = wilson(successes, trials)
    assert rate.rate == pytest.approx(successes / trials)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-4)


def test_same_seed_same_episodes_with_any_number_of_workers(folder: Path) -> None:
    alone = evaluate(folder, ENV_ID, episodes=6, seed=5, max_ticks=30)
    spread = evaluate(folder, ENV_ID, episodes=6, seed=5, max_ticks=30, workers=2)
    other = evaluate(folder, ENV_ID, episodes=6, seed=6, max_ticks=30)
    assert alone.to_json() == spread.to_json()
    assert [each.actions for each in alone.episodes] == [each.actions for each in spread.episodes]
    assert alone.episodes[0].actions != other.episodes[0].actions
    assert len({each.seed for each in alone.episodes}) == 6


def test_an_interrupted_evaluation_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    """What was played is not played again, and the whole equals an unbroken one; other weights play anew."""
    unbroken = evaluate(folder, ENV_ID, episodes=10, seed=5, max_ticks=30)

    def play(agent: Path, *, stop: bool = False) -> list[Sequence[int]]:
        """The groups of seeds that were played, the third being interrupted."""
        groups: list[Sequence[int]] = []

        def group(self: Trial, seeds: Sequence[int], **rest: Any) -> list[Episode]:
            groups.append(seeds)
            if stop and len(groups) == 3:
                raise KeyboardInterrupt
            return whole(self, seeds, **rest)

        whole = Trial.play_group
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trial, "play_group", group)
            evaluation = evaluate(agent, ENV_ID, episodes=10, seed=5, max_ticks=30, journal=tmp_path / "played")
        assert agent != folder or [each.actions for each in evaluation.episodes] == [
            each.actions for each in unbroken.episodes
        ]
        assert agent != folder or evaluation.to_json() == unbroken.to_json()
        return groups

    with pytest.raises(KeyboardInterrupt):
        play(folder, stop=True)
    assert len(play(folder)) == 1
    assert len(play(folder)) == 0
    other = shutil.copytree(folder, tmp_path / "other")
    assert len(play(other)) == 3


def test_until_ends_an_episode(folder: Path) -> None:
    evaluation = evaluate("random", ENV_ID, episodes=8, max_ticks=400, until="log")
    reached = [each for each in evaluation.episodes if each.milestones]
    assert reached
    assert all(each.ticks == each.milestones["log"] for each in reached)


def test_an_episode_is_as_long_as_its_environment_lets_it_be() -> None:
    assert evaluate("random", TIMED_ENV_ID, episodes=1).trial.max_ticks == 9
    assert evaluate("random", ENV_ID, episodes=1).trial.max_ticks == 600


def test_the_scripted_player_pursues_the_task() -> None:
    evaluation = evaluate("scripted", "ghostkeys/VoxelObtainStonePickaxe-v0", episodes=1, seed=2, size=(16, 16))
    assert evaluation.trial.max_ticks == 6000
    assert evaluation.milestones()["stone_pickaxe"].rate == 1.0
    assert evaluation.episodes[0].reward > 4.0


def test_rollout_takes_policies_and_agents(folder: Path) -> None:
    env = gymnasium.make(ENV_ID, disable_env_checker=True)
    for agent in (RandomAgent(), Policy(SMALL)):
        episode = rollout(agent, env, seed=1, max_ticks=12)
        assert episode.ticks == len(episode.actions) == 12
        assert rollout(agent, env, seed=1, max_ticks=12).actions == episode.actions


def test_temperature_zero_takes_the_likeliest(folder: Path) -> None:
    """With nothing left to chance, equal pictures get equal actions; otherwise each episode draws its own."""
    env = gymnasium.make(ENV_ID, disable_env_checker=True)
    picture = env.reset(seed=0)[0]
    acted = {}
    for temperature in (0.0, 1.0):
        player = PolicyPlayer(load(folder), temperature=temperature)
        player.reset([env] * 6, range(6))
        acted[temperature] = Actions.from_minerl(player.act(dict.fromkeys(range(6), picture)).values()).buttons
    assert (acted[0.0] == acted[0.0][:1]).all()
    assert not (acted[1.0] == acted[1.0][:1]).all()


def test_command_writes_what_it_prints(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    args = ["--agent", str(folder), "--env", ENV_ID, "--episodes", "2", "--max-ticks", "8", "--size", "16", "32"]
    assert evaluate_command([*args, "--workers", "1", "--json", str(file)]) == 0
    document: dict[str, Any] = json.loads(file.read_text())
    assert document["episodes"] == len(document["results"]) == 2
    assert {"rate", "low", "high"} <= document["milestones"]["log"].keys()
    assert "log" in capsys.readouterr().out


def test_video_shows_the_episode_with_its_keys(tmp_path: Path) -> None:
    evaluation = evaluate("random", ENV_ID, episodes=2, max_ticks=9)
    info = probe(write_video(evaluation, tmp_path / "episode.mp4", width=160))
    assert info.frames == 9
    assert info.height > 100


def test_command_writes_the_first_success_and_the_first_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each video is as long as its episode; one that does not exist is not written, and that is said."""

    def play(name: str, max_ticks: int) -> tuple[list[dict[str, Any]], int | None, int | None]:
        """The episodes, and the frames of the success's and the failure's video."""
        file, success, failure = (tmp_path / f"{name}{end}" for end in (".json", ".mp4", "-failure.mp4"))
        options = ["--agent", "random", "--env", ENV_ID, "--size", "16", "32", "--until", "log", "--workers", "1"]
        outputs = ["--json", str(file), "--video", str(success), "--video-failure", str(failure)]
        assert evaluate_command([*options, *outputs, "--episodes", "8", "--max-ticks", str(max_ticks)]) == 0
        frames = [probe(video).frames if video.exists() else None for video in (success, failure)]
        return json.loads(file.read_text())["results"], frames[0], frames[1]

    some, success, failure = play("some", 60)
    assert success == next(each["ticks"] for each in some if each["milestones"])
    assert failure == next(each["ticks"] for each in some if not each["milestones"]) == 60
    (tmp_path / "some-failure.mp4").unlink()
    assert play("some", 60) == (
        some,
        success,
        failure,
    )  # a result that is there does not keep the video from being made
    all_of_them, success, failure = play("all", 3000)
    assert success == all_of_them[0]["ticks"]
    assert all(each["milestones"] for each in all_of_them)
    assert failure is None
    assert "all-failure.mp4 is not written: every episode reached its goal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"agent": "no-such-folder"}, "no-such-folder"),
        ({"agent": "randm"}, "did you mean random"),
        ({"env": "ghostkeys/Vexel-v0"}, "--env ghostkeys/Vexel-v0: .* Did you mean ghostkeys/Voxel-v0"),
        ({"env": "Voxel-v0"}, "Did you mean ghostkeys/Voxel-v0"),
        ({"env": "ghostkeys/Voxel-v7"}, "Did you mean ghostkeys/Voxel-v0"),
        ({"env": "no_such_module:World-v0"}, "No module named 'no_such_module'"),
        ({"env": "not an id"}, "--env not an id cannot be made"),
        ({"env": "CartPole-v1"}, "shows no picture"),
        ({"env": "CartPole-v1", "size": (16, 16)}, "one size of picture only: leave --size out"),
        ({"size": (0, 0)}, "--size 0 0: expected a height and a width from 1 to 8192"),
        ({"size": (-5, 16)}, "--size -5 16"),
        ({"size": (100_000, 100_000)}, "--size 100000 100000"),
        ({"seed": -1}, "--seed -1: expected 0 or more"),
        ({"episodes": 0}, "--episodes 0: expected 1 or more"),
        ({"workers": -1}, "--workers -1: expected 1 or more, or 0"),
        ({"max_ticks": 0}, "--max-ticks 0: expected 1 or more"),
        ({"temperature": -0.5}, "--temperature -0.5"),
        ({"temperature": float("nan")}, "--temperature nan"),
        ({"env": "ghostkeys/Voxel-v0", "until": "lgo", "size": (16, 16)}, "--until lgo: .* did you mean .*log"),
        ({"env": "ghostkeys/Voxel-v0", "until": "xyzzy", "size": (16, 16)}, "expected one of .*stone_pickaxe"),
        ({"device": "gpu0"}, "--device gpu0"),
        ({"agent": "scripted"}, "the scripted player plays the embedded world alone"),
    ],
    ids=str,
)
def test_errors_name_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    """In one line, before anything is played."""
    arguments: dict[str, Any] = {"agent": "random", "env": ENV_ID, "episodes": 1} | settings
    with pytest.raises(GhostkeysError, match=message) as error:
        evaluate(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        ("keys", "takes Discrete; expected a Dict of MineRL's keys"),
        ("camera", "lack `camera`"),
        ("degrees", "lack `camera`"),
        ("names", "actions that MineRL has not: craft"),
        ("pov", "observations .Dict of image. lack `pov`"),
        ("dict", "observations .Box. lack `pov`"),
    ],
)
def test_an_environment_of_another_kind_is_one_line(lacks: str, message: str) -> None:
    with pytest.raises(GhostkeysError, match=message):
        evaluate("random", ODD[lacks], episodes=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_environment_with_fewer_keys_gets_those_it_has(
    folder: Path, workers: int, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """And one line names those that it lacks; what is noted is what was done, also where it is played again."""
    evaluation = evaluate(folder, FEW_KEYS_ID, episodes=5, max_ticks=20, workers=workers, seed=3)
    done = Actions.concatenate([episode.actions for episode in evaluation.episodes])
    pressed = {name for name in BUTTONS if done.button(name).any()}
    assert pressed <= {"attack", "forward", "jump"}
    assert "jump" in pressed
    (warning,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "has no back, left, right" in warning
    assert write_video(evaluation, tmp_path / "episode.mp4").exists()


def test_no_workers_are_this_process(folder: Path) -> None:
    alone, none = (evaluate(folder, ENV_ID, episodes=2, max_ticks=5, workers=workers) for workers in (1, 0))
    assert alone.to_json() == none.to_json()


def test_a_result_that_is_there_is_not_played_again_nor_mixed_with_another(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    args = ["--env", ENV_ID, "--episodes", "2", "--max-ticks", "8", "--workers", "0", "--json", str(file)]
    assert evaluate_command(["--agent", str(folder), *args]) == 0
    printed, written = capsys.readouterr().out, file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Trial, "play_group", lambda *_, **__: pytest.fail("played again"))
        assert evaluate_command(["--agent", str(folder), *args]) == 0
    assert capsys.readouterr().out == f"{printed}{file} was there already: delete it to play again.\n"
    for other, named in [
        (["--agent", "random"], f"agent {folder} there, random here"),
        (["--agent", str(folder), "--seed", "1"], "seed 0 there, 1 here"),
        (["--agent", str(folder), "--episodes", "3"], "episodes 2 there, 3 here"),
        (["--agent", str(folder), "--size", "16", "32"], r"size None there, \[16, 32\] here"),
    ]:
        with pytest.raises(GhostkeysError, match=named):
            evaluate_command([*args, *other])
    assert file.read_bytes() == written
    torch.manual_seed(1)
    save_checkpoint(folder, "policy", SMALL.to_dict(), Policy(SMALL).state_dict())
    with pytest.raises(GhostkeysError, match="other weights"):
        evaluate_command(["--agent", str(folder), *args])
    file.write_text("no result")
    with pytest.raises(GhostkeysError, match="no result of an evaluation"):
        evaluate_command(["--agent", str(folder), *args])


def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "idm", {}, {"weight": torch.zeros(1)})
    with pytest.raises(GhostkeysError, match="kind 'idm'"):
        evaluate(tmp_path, ENV_ID, episodes=1)
