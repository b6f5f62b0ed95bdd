"""Episodes become recordings: frame i with the action taken at it."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from env import Recording, minerl_action_space
from env.actions import no_op
from env.errors import GhostkeysError
from env.recordings.live import LiveRecordingWriter
from env.wrappers import FilterAction, RecordEpisode


class Counter(gymnasium.Env[dict[str, Any], dict[str, Any]]):
    """Shows how many ticks were played, always in the same array."""

    def __init__(self, bars: Any, length: int = 100, fails_at: int = 1000) -> None:
        self.action_space = minerl_action_space()
        self.observation_space = gymnasium.spaces.Dict({"pov": gymnasium.spaces.Box(0, 255, (*bars.size, 3), np.uint8)})
        self._bars, self._length, self._fails_at = bars, length, fails_at
        self._pov = np.zeros((*bars.size, 3), np.uint8)
        self._tick = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self._tick = 0
        return self._look()

    def step(self, action: dict[str, Any]) -> Any:
        self._tick += 1
        if self._tick == self._fails_at:
            raise RuntimeError
        observation, info = self._look()
        return observation, 0.0, self._tick == self._length, False, info

    def _look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self._pov[:] = self._bars.draw(self._tick)
        place = {"xpos": np.float32(self._tick), "yaw": 90.0}
        return {"pov": self._pov}, {"isGuiOpen": False, "location_stats": place, "inventory": {"dirt": 2, "log": 0}}


def play(env: gymnasium.Env[Any, Any], ticks: int) -> None:
    """Turns, at the frame that shows n, by n steps."""
    for tick in range(ticks):
        env.step(no_op() | {"camera": np.array([0.0, 0.15 * tick], np.float32)})


def test_a_frame_is_recorded_with_the_action_taken_at_it(tmp_path: Path, bars: Any) -> None:
    env = RecordEpisode(Counter(bars), tmp_path, "play")
    env.reset(seed=0)
    play(env, 30)
    env.close()
    recording = Recording.open(tmp_path / "play.mp4")

    assert len(recording) == 30
    assert [bars.read(frame) for frame in recording.frames()] == list(range(30))
    np.testing.assert_allclose(recording.actions.camera[:, 1], 0.15 * np.arange(30), rtol=1e-5)


def test_episodes_are_recorded_apart(tmp_path: Path, bars: Any) -> None:
    env = RecordEpisode(Counter(bars, length=5), tmp_path, "play")
    for ticks in (5, 3, 0):
        env.reset()
        play(env, ticks)
    env.close()
    assert env.recordings == [tmp_path / "play.mp4", tmp_path / "play-1.mp4"]
    assert [len(Recording.open(path)) for path in env.recordings] == [5, 3]
    assert sorted(tmp_path.glob("*")) == sorted(
        tmp_path / name for name in ("play.jsonl", "play.mp4", "play-1.jsonl", "play-1.mp4")
    )


def test_an_episode_is_whole_as_soon_as_it_ends(tmp_path: Path, bars: Any) -> None:
    env = RecordEpisode(Counter(bars, length=5), tmp_path, "play")
    env.reset()
    play(env, 5)
    assert len(Recording.open(tmp_path / "play.mp4")) == 5


def test_the_state_is_recorded(tmp_path: Path, bars: Any) -> None:
    with RecordEpisode(Counter(bars), tmp_path, "play") as env:
        env.reset()
        play(env, 2)
    last = (tmp_path / "play.jsonl").read_text().splitlines()[-1]
    assert '"xpos": 1.0' in last
    assert '"yaw": 90.0' in last
    assert '"inventory": [{"type": "dirt", "quantity": 2}]' in last


def test_a_failing_environment_leaves_nothing(tmp_path: Path, bars: Any) -> None:
    env = RecordEpisode(Counter(bars, fails_at=3), tmp_path, "play")
    env.reset()
    with pytest.raises(RuntimeError):
        play(env, 5)
    env.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_in_a_with_block_leaves_nothing(tmp_path: Path, bars: Any, error: type[BaseException]) -> None:
    def play_and_fail() -> None:
        with RecordEpisode(Counter(bars), tmp_path, "play") as env:
            env.reset()
            play(env, 3)
            raise error

    with pytest.raises(error):
        play_and_fail()
    assert not list(tmp_path.iterdir())


def test_the_selected_slot_is_recorded_and_no_wheel_is_inferred(tmp_path: Path) -> None:
    """The world tells which slot is selected; a slot changed by its key reads back as that key, once."""
    with RecordEpisode(gymnasium.make("ghostkeys/Voxel-v0", size=(36, 64)), tmp_path, "slots") as episode:
        episode.reset(seed=1)
        for tick in range(6):
            episode.step({**no_op(), "hotbar.4": int(tick == 2)})
    lines = [json.loads(line) for line in (tmp_path / "slots.jsonl").read_text().splitlines()]
    assert [line["hotbar"] for line in lines] == [0, 0, 0, 3, 3, 3]
    pressed = Recording.open(tmp_path / "slots.mp4").actions.button("hotbar.4")
    assert pressed.tolist() == [False, False, True, False, False, False]


def test_a_cut_ends_the_recording_and_not_the_episode(tmp_path: Path, bars: Any) -> None:
    """No tick is lost or doubled between two recordings of an episode."""
    with RecordEpisode(Counter(bars), tmp_path, "play", writer=LiveRecordingWriter) as env:
        env.reset()
        for ticks in (4, 3):
            play(env, ticks)
            assert env.ticks == ticks
            env.cut()
            assert env.ticks == 0
    shown = [[bars.read(frame) for frame in Recording.open(path).frames()] for path in env.recordings]
    assert shown == [[0, 1, 2, 3], [4, 5, 6]]


def test_a_live_writer_keeps_what_was_played_before_a_failure(tmp_path: Path, bars: Any) -> None:
    env = RecordEpisode(Counter(bars, fails_at=4), tmp_path, "play", writer=LiveRecordingWriter)
    env.reset()
    with pytest.raises(RuntimeError):
        play(env, 5)
    assert len(Recording.open(tmp_path / "play.mp4")) == 3


class FewKeys(Counter):
    """Has three of MineRL's keys, and keeps what it was told."""

    def __init__(self, bars: Any) -> None:
        super().__init__(bars)
        space = minerl_action_space()
        self.action_space = spaces.Dict({name: space[name] for name in ("attack", "camera", "forward")})
        self.taken: list[dict[str, Any]] = []

    def step(self, action: dict[str, Any]) -> Any:
        self.taken.append(action)
        return super().step(action)


def test_an_environment_gets_all_the_keys_it_has_and_no_others(bars: Any) -> None:
    few = FewKeys(bars)
    game = FilterAction(few)
    assert game.action_space == minerl_action_space()
    assert set(game.missing) == set(minerl_action_space()) - {"attack", "camera", "forward"}
    game.reset()
    game.step({"forward": 1, "sneak": 1})
    game.step(game.action_space.sample())
    assert all(few.action_space.contains(action) for action in few.taken)
    assert few.taken[0]["forward"] == 1


def test_a_key_that_the_environment_lacks_is_recorded_as_not_pressed(bars: Any, tmp_path: Path) -> None:
    with RecordEpisode(FewKeys(bars), tmp_path, "play") as env:
        env.reset()
        env.step({**no_op(), "forward": 1, "sneak": 1})
    actions = Recording.open(tmp_path / "play.mp4").actions
    assert actions.button("forward").tolist() == [True]
    assert actions.button("sneak").tolist() == [False]


@pytest.mark.parametrize(
    ("space", "found"),
    [
        (spaces.Discrete(4), r"Counter has Discrete\(4\) in"),
        (spaces.Dict({}), r"Counter has Dict\(\) in"),
        (spaces.Dict({"forward": spaces.Discrete(2)}), "Counter has no `camera` in"),
        (spaces.Dict({**minerl_action_space(), "place": spaces.Discrete(9)}), "Counter has the keys place in"),
    ],
)
def test_other_action_spaces_are_refused_in_a_line(bars: Any, tmp_path: Path, space: Any, found: str) -> None:
    env = Counter(bars)
    env.action_space = space
    for wrap in (FilterAction, lambda env: RecordEpisode(env, tmp_path, "play")):
        with pytest.raises(GhostkeysError, match=f"{found} its action space; expected MineRL's") as error:
            wrap(env)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("wrong", [{"camera": (0.0, np.nan)}, {"jump": 2}, {"jmp": 1}, None])
def test_an_action_that_is_refused_changes_neither_game_nor_recording(bars: Any, tmp_path: Path, wrong: Any) -> None:
    with RecordEpisode(Counter(bars), tmp_path, "play") as env:
        env.reset()
        play(env, 2)
        with pytest.raises(GhostkeysError):
            env.step(wrong)
        play(env, 1)
    assert [bars.read(frame) for frame in Recording.open(tmp_path / "play.mp4").frames()] == [0, 1, 2]
