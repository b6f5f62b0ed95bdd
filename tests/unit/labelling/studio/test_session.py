"""A person's play in an environment, and the recordings of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from env import Recording
from env.actions import no_op
from env.errors import GhostkeysError
from env.video.encoding import write_video
from labelling.studio.session import Finished, Session, Shown, free_stem
from tests.unit.labelling.studio.echo import SIZE, Echo, Seen, read

Begin = Callable[..., Session]


def press(*names: str, dx: int = 0) -> dict[str, Any]:
    return {**no_op(), **dict.fromkeys(names, 1), "camera": np.array([0.0, 0.15 * dx], np.float32)}


def seen(shown: Shown) -> Seen:
    """What the picture tells that is sent to the page."""
    picture = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return read(np.asarray(picture, np.uint8))


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begins a session in the test's folder, and ends it."""
    sessions = []

    def session(game: gymnasium.Env[Any, Any] | None = None, *, ticks: int = 1000, seed: int = 0) -> Session:
        sessions.append(Session(game or Echo(), tmp_path, seed=seed, recording_ticks=ticks))
        return sessions[-1]

    yield session
    for each in sessions:
        each.close()


def ticks_of(folder: Path) -> list[list[int]]:
    """The ticks that the frames of each recording show, the oldest first."""
    videos = sorted(folder.glob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    return [[read(frame).tick for frame in Recording.open(video).frames()] for video in videos]


def test_a_tick_shows_what_the_action_did(begin: Begin) -> None:
    session = begin()
    assert seen(session.new_world()) == Seen(0, frozenset(), 0, 0)
    shown = session.step(press("forward", "attack", dx=7))
    assert seen(shown) == Seen(1, frozenset({"forward", "attack"}), 7, 0)
    assert (shown.tick, shown.over, session.recorded) == (1, False, 1)


def test_worlds_follow_one_another_by_seed(begin: Begin) -> None:
    game = Echo()
    session = begin(game, seed=5)
    for _ in range(3):
        assert session.new_world().tick == 0
        session.step(press())
    assert game.seeds == [5, 6, 7]


def test_every_world_has_its_recording(begin: Begin, tmp_path: Path) -> None:
    session = begin()
    for ticks in (3, 5):
        session.new_world()
        for _ in range(ticks):
            session.step(press("jump"))
    session.close()
    assert ticks_of(tmp_path) == [[0, 1, 2], [0, 1, 2, 3, 4]]


def test_a_long_recording_is_cut_without_a_gap(begin: Begin, tmp_path: Path) -> None:
    session = begin(ticks=4)
    session.new_world()
    recorded = []
    for _ in range(10):
        session.step(press())
        recorded.append(session.recorded)
    session.close()
    assert recorded == [1, 2, 3, 0, 1, 2, 3, 0, 1, 2]
    assert ticks_of(tmp_path) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_the_end_of_an_episode_finishes_its_recording(begin: Begin) -> None:
    session = begin(Echo(length=2))
    session.new_world()
    assert not session.step(press()).over
    assert session.step(press()).over
    assert session.recorded == 0
    assert [each.seconds for each in session.finished()] == [0.1]


def test_the_list_shows_what_is_whole_the_newest_first(begin: Begin, tmp_path: Path) -> None:
    """Also what others recorded there; nothing that is under way, damaged, or has no actions."""
    write_video(tmp_path / "film.mp4", np.zeros((3, *SIZE, 3), np.uint8))
    (tmp_path / "lines.jsonl").write_text("{}\n")
    (tmp_path / "broken.jsonl").write_text("{}\n")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    session = begin()
    session.new_world()
    for ticks in (2, 6):
        for _ in range(ticks):
            session.step(press())
        session.cut()
        session.step(press())
        assert session.recorded == 1
    name = next(iter(session.finished())).name.removesuffix("-1")
    assert session.finished() == [Finished(f"{name}-1", 0.35), Finished(name, 0.1)]


def test_names_are_never_taken_twice(tmp_path: Path) -> None:
    first = free_stem(tmp_path)
    for suffix in ("", "-1"):
        (tmp_path / f"{first}{suffix}.mp4").touch()
    second = free_stem(tmp_path)
    assert not second.startswith(f"{first}-")
    assert second != first


def test_actions_that_the_environment_has_not_are_neither_taken_nor_recorded(begin: Begin, tmp_path: Path) -> None:
    session = begin(Echo(keys=("camera", "forward", "attack")))
    session.new_world()
    shown = session.step(press("forward", "inventory", "jump", dx=3))
    assert shown.action.keys() == {"camera", "forward", "attack"}
    assert seen(shown) == Seen(1, frozenset({"forward"}), 3, 0)
    session.close()
    actions = Recording.open(next(tmp_path.glob("*.mp4"))).actions
    assert actions.button("forward").tolist() == [True]
    assert actions.buttons.sum() == 1


class Silent(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Tells nothing but the picture."""

    def step(self, action: Any) -> Any:
        observation, *rest, _ = self.env.step(action)
        return observation, *rest, {}

    def reset(self, **options: Any) -> Any:
        return self.env.reset(**options)[0], {}


@pytest.mark.parametrize("game", [Echo, lambda: Silent(Echo())])
def test_the_slot_chosen_last_is_known(begin: Begin, game: Callable[[], Any]) -> None:
    """From the game, or from the keys where it does not tell: the wheel turns on from there."""
    session = begin(game())
    assert session.new_world().slot == 0
    assert session.step(press("hotbar.6")).slot == 5
    assert session.step(press("forward")).slot == 5
    assert session.new_world().slot == 0


def test_an_open_screen_has_no_slot_for_the_wheel_and_is_recorded(begin: Begin, tmp_path: Path) -> None:
    session = begin()
    session.new_world()
    slots = [session.step(press(*names)).slot for names in (["inventory"], [], ["inventory"], [])]
    assert slots == [None, None, 0, 0]
    session.close()
    lines = next(tmp_path.glob("*.jsonl")).read_text().splitlines()
    assert [json.loads(line)["isGuiOpen"] for line in lines] == [False, True, True, False]


def test_mouse_movement_is_recorded_in_whole_pixels(begin: Begin, tmp_path: Path) -> None:
    session = begin()
    session.new_world()
    movements = [1, -7, 123, 1200, 0]
    for dx in movements:
        session.step(press(dx=dx))
    session.close()
    lines = next(tmp_path.glob("*.jsonl")).read_text().splitlines()
    assert [json.loads(line)["mouse"]["dx"] for line in lines] == movements


class Odd(Echo):
    """Whose spaces a test may change."""

    def __init__(self, **changed: Any) -> None:
        super().__init__()
        vars(self).update(changed)


PICTURE = spaces.Box(0, 255, (40, 96, 3), np.uint8)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"action_space": spaces.Discrete(2)}, "has Discrete.2. in its action space; .*MineRL's"),
        (
            {"action_space": spaces.Dict({"forward": spaces.Discrete(2)})},
            "has no `camera` in its action space; .*MineRL's",
        ),
        (
            {"action_space": spaces.Dict({"camera": spaces.Discrete(2), "fly": spaces.Discrete(2)})},
            "has the keys fly in its action space; .*MineRL's",
        ),
        ({"observation_space": PICTURE}, "has the observations .*expected MineRL's"),
        ({"observation_space": spaces.Dict({"image": PICTURE})}, "has the observations .*expected MineRL's"),
        (
            {"observation_space": spaces.Dict({"pov": spaces.Box(0, 255, (40, 96), np.uint8)})},
            "has the observations .*expected MineRL's",
        ),
        (
            {"observation_space": spaces.Dict({"pov": spaces.Box(0, 255, (41, 96, 3), np.uint8)})},
            "frames of 41x96; .*even height and width",
        ),
    ],
)
def test_an_environment_that_cannot_be_played_is_refused_at_once(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with closing(Odd(**changed)) as game, pytest.raises(GhostkeysError, match=message) as caught:
        Session(game, tmp_path, seed=0, recording_ticks=100)
    assert "\n" not in str(caught.value)
