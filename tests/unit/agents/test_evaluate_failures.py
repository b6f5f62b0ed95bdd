"""Environments that are processes of their own, do not repeat themselves, and fail."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import evaluate, rollout
from agents.commands import evaluate as evaluate_command
from agents.evaluate import Evaluation, read_result, table, write_video
from agents.random import RandomAgent
from agents.trial import Trial
from env.actions import no_op
from env.errors import GhostkeysError
from env.making import check_milestone, make_env
from env.video.frames import probe, read_frames
from env.wrappers import RecordEpisode
from tests.unit.agents.failing_env import FAILING_ID, noted

SEEDS = Trial(agent="random", env=FAILING_ID, seed=5).env_seeds(4)
TICKS = 150
"""In which the third episode alone reaches a log."""

Fails = dict[str, list[int | str]]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the environment notes what happens to it."""
    return tmp_path / "notes"


def play(notes: Path, fails: Fails | None = None, **settings: Any) -> Evaluation:
    options = {"notes": notes, "fails": fails or {}}
    return evaluate("random", FAILING_ID, episodes=4, seed=5, max_ticks=TICKS, env_options=options, **settings)


def command(notes: Path, fails: Fails, *more: str) -> list[str]:
    plain = f"--agent random --env {FAILING_ID} --episodes 4 --seed 5 --max-ticks {TICKS} --workers 1"
    return [*plain.split(), "--env-options", json.dumps({"notes": str(notes), "fails": fails}), *more]


def assert_all_closed(notes: Path) -> None:
    assert noted(notes, "open") == noted(notes, "close") > 0


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_failed_episodes_are_played_again_and_count_for_nothing(tmp_path: Path, workers: int) -> None:
    whole = play(tmp_path / "whole")
    notes = tmp_path / "notes"
    fails: Fails = {str(SEEDS[1]): [0, 25], str(SEEDS[3]): [7]}
    evaluation = play(notes, fails, workers=workers)
    assert [each.actions for each in evaluation.episodes] == [each.actions for each in whole.episodes]
    assert evaluation.milestones() == whole.milestones()
    assert evaluation.milestones()["log"].rate == 0.25
    assert sorted((each.seed, each.reason, each.tick) for each in evaluation.failures) == sorted(
        (seed, "the game died", tick) for seed, tick in [(SEEDS[1], 0), (SEEDS[1], 25), (SEEDS[3], 7)]
    )
    assert evaluation.unplayed == []
    assert "3 episodes were played again: 3 x the game died" in evaluation.table()
    assert noted(notes, "reset") == 7


@pytest.mark.parametrize("workers", [0, 2])
def test_an_environment_is_kept_from_one_episode_to_the_next(notes: Path, workers: int) -> None:
    """Each process opens one, and closes it at the end; one more is opened to try out whether it can be."""
    play(notes, workers=workers)
    assert 2 <= noted(notes, "open") <= 1 + max(1, workers)
    assert_all_closed(notes)


def test_trying_out_plays_nothing(notes: Path) -> None:
    with pytest.raises(GhostkeysError, match="--episodes 0"):
        evaluate("random", FAILING_ID, episodes=0, env_options={"notes": notes})
    assert noted(notes, "open") == noted(notes, "close") == 1
    assert noted(notes, "reset") == 0


def test_what_fails_every_time_is_told_and_tried_again_by_a_second_start(
    tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "result.json"
    start = command(notes, {str(SEEDS[2]): [3] * 3}, "--retries", "1", "--json", str(file))
    assert evaluate_command(start) == 1
    shown = capsys.readouterr().out
    assert f"1 of 4 episodes could not be played (seed {SEEDS[2]}): 2 x the game died" in shown
    assert "played again" not in shown
    document = json.loads(file.read_text())
    failure = {"seed": SEEDS[2], "reason": "the game died", "tick": 3}
    assert (document["episodes"], document["unplayed"]) == (4, [SEEDS[2]])
    assert document["invalid"] == [failure] * 2
    assert [each["seed"] for each in document["results"]] == [SEEDS[0], SEEDS[1], SEEDS[3]]
    assert document["milestones"]["log"]["rate"] == 0.0
    # The second start plays what is missing: the third failure, and then the episode.
    assert evaluate_command(start) == 0
    assert noted(notes, "reset") == 3 + 2 + 2
    assert "3 episodes were played again: 3 x the game died" in capsys.readouterr().out
    document = json.loads(file.read_text())
    assert [each["seed"] for each in document["results"]] == SEEDS
    assert (document["unplayed"], document["invalid"]) == ([], [failure] * 3)
    assert not (tmp_path / ".result.json.played").exists()
    assert evaluate_command(start) == 0
    assert noted(notes, "reset") == 7
    assert_all_closed(notes)


def test_without_a_valid_episode_there_are_no_rates(
    tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, video = tmp_path / "result.json", tmp_path / "episode.mp4"
    start = command(notes, {str(seed): [0] * 9 for seed in SEEDS}, "--retries", "0", "--json", str(file))
    assert evaluate_command([*start, "--video", str(video)]) == 1
    shown = capsys.readouterr().out
    assert "There are no rates: the environment failed in every episode." in shown
    assert "4 of 4 episodes could not be played" in shown
    assert f"{video} is not written: no episode could be played" in shown
    document = json.loads(file.read_text())
    assert (document["milestones"], document["results"], document["unplayed"]) == ({}, [], SEEDS)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_game_that_cannot_be_started_ends_the_run_and_what_was_played_is_kept(
    tmp_path: Path, notes: Path, workers: int
) -> None:
    fails: Fails = {str(SEEDS[0]): [2], str(SEEDS[3]): ["reset"]}
    with pytest.raises(GhostkeysError, match="the game could not be started"):
        play(notes, fails, workers=workers, journal=tmp_path / "played")
    assert_all_closed(notes)
    before = noted(notes, "reset")
    evaluation = play(notes, fails, workers=workers, journal=tmp_path / "played")
    assert [each.seed for each in evaluation.episodes] == SEEDS
    assert [(each.seed, each.tick) for each in evaluation.failures] == [(SEEDS[0], 2)]
    assert noted(notes, "reset") - before <= 3  # one of 1 and 2 at least was played before it ended
    assert_all_closed(notes)


def brightness(video: Path) -> list[int]:
    """Of the first row of each frame."""
    return [round(float(np.mean(frame[:4]))) for _, frame in read_frames(video)]


@pytest.mark.parametrize("kept", [True, False])
def test_videos_show_the_episode_that_counts(
    tmp_path: Path, notes: Path, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were made while it was played: the environment shows another picture each time."""
    file, video, failure = (tmp_path / name for name in ("result.json", "success.mp4", "failure.mp4"))
    fails: Fails = {str(SEEDS[0]): [5], str(SEEDS[2]): [6, 0]}
    start = command(notes, fails, "--until", "log", "--video", str(video), "--video-failure", str(failure))
    assert evaluate_command([*start, *(["--json", str(file)] if kept else [])]) == 0
    for path, ticks, attempt in ((video, 103, 2), (failure, TICKS, 1)):
        bright = brightness(path)
        assert len(bright) == ticks
        assert all(60 * attempt < each < 60 * (attempt + 1) for each in bright)
    assert not list(tmp_path.glob(".result*"))
    if kept:
        resets = noted(notes, "reset")
        video.unlink()
        capsys.readouterr()
        assert evaluate_command([*start, "--json", str(file)]) == 0  # not played anew: that would be another episode
        assert noted(notes, "reset") == resets
        assert f"{video} is not written: " in capsys.readouterr().out


def test_films_that_are_not_wanted_any_more_are_removed(tmp_path: Path, notes: Path) -> None:
    from agents.evaluate import make_trial, play_trial

    trial = make_trial("random", FAILING_ID, seed=5, max_ticks=9, env_options={"notes": notes})
    evaluation = play_trial(trial, episodes=4, journal=tmp_path / "played", filming=True)
    assert [path for path in evaluation.films.values() if path.exists()] == [evaluation.films[SEEDS[0]]]
    with pytest.raises(GhostkeysError, match="was not filmed while it was played"):
        write_video(evaluation, tmp_path / "other.mp4", episode=evaluation.episodes[1])


def test_options_are_part_of_the_recipe(tmp_path: Path, notes: Path) -> None:
    file = tmp_path / "result.json"
    assert evaluate_command(command(notes, {}, "--json", str(file))) == 0
    with pytest.raises(GhostkeysError, match=r"env_options .* there, .* here"):
        evaluate_command(command(notes, {"1": [1]}, "--json", str(file)))
    trial = Trial(agent="random", env=FAILING_ID, seed=5, max_ticks=TICKS, env_options={"notes": str(notes)})
    with pytest.raises(GhostkeysError, match="env_options"):
        read_result(file, trial, episodes=4)


def test_a_result_of_before_is_shown_without_failures() -> None:
    old = {"agent": "random", "env": "x", "episodes": 1, "seed": 0, "milestones": {}, "results": [{"seed": 1}]}
    assert table(old).splitlines()[0] == "random in x: 1 episodes, seed 0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"note": "x"}, "--env-options.note: .*has no such option; did you mean notes"),
        ({"notes": "x", "colour": 1}, "--env-options.colour: .*it has notes, fails"),
        ({"notes": "x", "size": [8, 8]}, "--env-options.size: give the size of the picture with --size"),
        ({"notes": {1, 2}}, "--env-options: expected what JSON holds"),
        ({}, "cannot be made"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GhostkeysError, match=message) as error:
        evaluate("random", FAILING_ID, episodes=1, env_options=options)
    assert "\n" not in str(error.value)


def test_a_milestone_that_may_be_misspelt_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Where the environment does not tell what there is: MineRL tells once it has been started, if at all."""
    env = make_env("ghostkeys/MineRL-v0", options={"python": sys.executable})
    for name, warned in (("log", False), ("iron_pickaxe", False), ("elytra", False), ("iron_pickax", True)):
        caplog.clear()
        check_milestone(name, env)
        assert ("is it iron_pickaxe?" in caplog.text) == warned


def test_rollout_tells_why_an_episode_is_invalid(notes: Path) -> None:
    env = make_env(FAILING_ID, options={"notes": notes, "fails": {"1": [4]}})
    failed, whole = (rollout(RandomAgent(), env, seed=1, max_ticks=9) for _ in range(2))
    assert (failed.invalid, failed.ticks) == ("the game died", 4)
    assert (whole.invalid, whole.ticks) == (None, 9)


def test_a_recording_has_no_step_that_failed(tmp_path: Path, notes: Path) -> None:
    env = make_env(FAILING_ID, options={"notes": notes, "fails": {"1": [4]}})
    with RecordEpisode(env, tmp_path, "play") as episode:
        episode.reset(seed=1)
        for _ in range(4):
            assert not episode.step(no_op())[3]
        assert episode.step(no_op())[3]
        (video,) = episode.recordings
    assert probe(video).frames == 4
