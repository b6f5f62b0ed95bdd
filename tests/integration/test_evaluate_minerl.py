"""Evaluation in MineRL, by its stand-in: scores are the embedded world's behind it, and failures leave no trace."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from agents import Policy, PolicyConfig, evaluate
from agents.evaluate import make_trial
from agents.rollout import Episode
from agents.trial import Trial
from env.errors import GhostkeysError
from env.video.frames import probe
from ghostkeys import main
from learning.checkpoint import save_checkpoint
from tests.fakes.standin import StandIn, make_stand_in

SMALL = PolicyConfig(size=(16, 16), channels=(4, 8), features=16, width=16, depth=1, heads=2, memory=4)
SIZE = (36, 64)
TIMEOUT = 120
QUICK: dict[str, Any] = {"reset_deadline": 60.0, "step_deadline": 20.0, "close_deadline": 2.0, "backoff": 0.0}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """An untrained policy."""
    torch.manual_seed(0)
    return save_checkpoint(tmp_path / "policy", "policy", SMALL.to_dict(), Policy(SMALL).state_dict())


def one_by_one(trial: Trial, episodes: int) -> list[Episode]:
    """Each episode in a batch of its own, as MineRL's are played."""
    seeds = trial.env_seeds(episodes)
    return [trial.play_group([seed], advance=lambda _: None, stopped=lambda: False)[0] for seed in seeds]


def facts(episodes: list[Episode]) -> list[Any]:
    return [(each.seed, each.actions, each.milestones, each.reward) for each in episodes]


@pytest.mark.parametrize("workers", [0, 2])
def test_scores_are_those_of_the_world_behind_it_with_failures_and_without(
    policy: Path, tmp_path: Path, workers: int
) -> None:
    trial = make_trial(policy, "ghostkeys/Voxel-v0", seed=3, max_ticks=60, size=SIZE, device="cpu")
    expected = facts(one_by_one(trial, 4))
    game = make_stand_in(tmp_path / "minerl", world="embedded")
    game.force(
        {"op": "step", "at": 20, "kind": "error_info"},
        {"op": "step", "at": 50, "kind": "die"},
        {"op": "step", "at": 51, "kind": "huge_counts"},
        {"op": "reset", "at": 2, "kind": "ValueError"},
    )
    evaluation = evaluate(
        policy,
        "ghostkeys/MineRL-v0",
        episodes=4,
        seed=3,
        max_ticks=60,
        size=SIZE,
        device="cpu",
        env_options={"python": game.python, **QUICK},
        workers=workers,
    )
    assert facts(evaluation.episodes) == expected
    assert sorted(each.tick for each in evaluation.failures) == [19, 49, 50]
    assert len(game.forced()) == 4
    assert game.processes() == []


def start(game: StandIn, *more: str) -> list[str]:
    line = "evaluate --agent random --env ghostkeys/MineRL-v0 --episodes 4 --max-ticks 40 --size 36 64 --until log"
    options = [f"--env-options.{name}={value}" for name, value in QUICK.items()]
    return [*line.split(), *options, "--minerl-python", str(game.python), *more]


def test_the_command_films_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GHOSTKEYS_MINERL_PYTHON", "nowhere")  # the option comes first; restored in the end
    game = make_stand_in(tmp_path / "minerl")
    file, video = tmp_path / "result.json", tmp_path / "episode.mp4"
    game.force({"op": "step", "at": 3, "kind": "error_info"})
    more = ("--json", str(file), "--video", str(video), "--workers", "2", "--retries", "0")
    assert main(start(game, *more)) == 1
    assert "1 of 4 episodes could not be played" in capsys.readouterr().out
    assert len(json.loads(file.read_text())["results"]) == 3
    assert main(start(game, *more)) == 0
    result = json.loads(file.read_text())
    assert (len(result["results"]), result["unplayed"], len(result["invalid"])) == (4, [], 1)
    assert len({call["seed"] for call in game.calls("reset")}) == 4
    assert len(game.calls("reset")) == 5
    shown = next((each for each in result["results"] if "log" in each["milestones"]), result["results"][0])
    assert probe(video).frames == shown["ticks"]
    assert game.processes() == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_stopped_while_games_launch_nothing_is_left(tmp_path: Path, stop: signal.Signals) -> None:
    game = make_stand_in(tmp_path / "minerl")
    game.force(*[{"op": "launch", "at": 1, "kind": "hang"}] * 2)
    command = [sys.executable, "-m", "ghostkeys", *start(game, "--workers", "2")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + TIMEOUT
    while len(game.forced()) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, stop)
    text = process.communicate(timeout=TIMEOUT)[0].decode()
    assert process.returncode == 128 + stop, text
    assert "Traceback" not in text
    assert game.processes() == []


def test_a_python_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GhostkeysError, match=r"--env ghostkeys/MineRL-v0 cannot be made: .*is no Python") as error:
        evaluate("random", "ghostkeys/MineRL-v0", episodes=1, env_options={"python": tmp_path / "python"})
    assert "\n" not in str(error.value)


def test_milestones_are_the_games_items(tmp_path: Path) -> None:
    game = make_stand_in(tmp_path / "minerl")
    with pytest.raises(GhostkeysError, match=r"--until lgo: .*did you mean .*log"):
        make_trial("random", "ghostkeys/MineRL-v0", until="lgo", env_options={"python": game.python})
    assert game.processes() == []
