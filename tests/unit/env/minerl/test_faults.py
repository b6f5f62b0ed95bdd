"""Whatever MineRL or the game does wrong, no observation is invented, nothing is paid for it, and nothing is left."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from env.minerl.process import MineRLError
from tests.fakes.standin import StandIn
from tests.unit.env.minerl.conftest import QUICK, SIZE, MakeEnv, MakeStandIn
from tests.unit.env.minerl.playing import leavings, play

ERRORS = (
    *("AttributeError", "ValueError", "JSONDecodeError", "TypeError", "RuntimeError", "MemoryError"),
    *("SystemExit", "KeyboardInterrupt"),
)
DEATHS = ("die", "hang", "hang_gil", "stop", "kill_game", "stop_game")
MESSAGES = ("empty", "huge", "trickle", "eof")
PICTURES = ("wrong_shape", "wrong_dtype", "no_picture")
LIES = (
    *("huge_counts", "negative_counts", "nan_counts", "words_for_counts", "fractional_counts", "list_inventory"),
    *(
        "true_counts",
        "huge_statistics",
        "words_for_statistics",
        "nonsense_types",
        "huge_damage",
        "nonsense_name",
        "nan_location",
        "words_for_life",
    ),
)
TIMEOUT = 30.0


@pytest.mark.parametrize(
    "kinds",
    [("error_info", "info_text"), ERRORS, DEATHS, MESSAGES, PICTURES, LIES],
    ids=["random", "errors", "deaths", "messages", "pictures", "lies"],
)
def test_a_step_that_fails_voids_its_episode_alone(
    kinds: tuple[str, ...], game: StandIn, scratch: Path, make_env: MakeEnv
) -> None:
    minerl = make_env(game, task="diamond_shovel", **QUICK)
    for seed, kind in enumerate(kinds):
        game.force({"op": "step", "at": 6, "kind": kind})
        void = play(minerl, game, seed=seed, ticks=20)
        assert (void.ticks, void.rewards, void.invalid is None) == (5, 0.125, False), kind
        assert game.processes() == [], kind
    assert play(minerl, game, seed=99, ticks=20).rewards == 0.5
    minerl.close()
    assert [fault["kind"] for fault in game.forced()] == list(kinds)
    assert leavings(game, scratch) == []


@pytest.mark.parametrize("kind", ["error_info", "AttributeError", "die", "hang", "huge_counts"])
def test_the_first_step_and_a_late_one_fail(kind: str, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    minerl = make_env(game, task="diamond_shovel", **QUICK)
    for at, rewards in ((1, 0.0), (500, 1.0)):
        game.force({"op": "step", "at": at, "kind": kind})
        void = play(minerl, game, seed=at, ticks=600)
        assert (void.ticks, void.rewards, void.invalid is None) == (at - 1, rewards, False)
    assert play(minerl, game, seed=2, ticks=20).rewards == 0.5
    minerl.close()
    assert leavings(game, scratch) == []


def test_a_void_episode_stays_void(game: StandIn, make_env: MakeEnv) -> None:
    game.force({"op": "step", "at": 6, "kind": "error_info"})
    minerl = make_env(game, task="diamond_shovel")
    assert play(minerl, game, seed=1, ticks=20).ticks == 5
    for _ in range(3):
        _, reward, terminated, truncated, info = minerl.step({"attack": 1})
        assert (reward, terminated, truncated, "invalid" in info) == (0.0, False, True, True)
    assert len(game.calls("step")) == 6


@pytest.mark.parametrize("kind", ["AttributeError", *DEATHS, "eof", "empty", "wrong_shape", "negative_counts"])
def test_a_reset_that_fails_is_made_again(kind: str, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    game.force({"op": "reset", "at": 1, "kind": kind})
    minerl = make_env(game, attempts=2, task="diamond_shovel", **QUICK)
    assert play(minerl, game, seed=9, ticks=10).rewards == 0.25
    assert {call["seed"] for call in game.calls("reset")} == {9}
    minerl.close()
    assert leavings(game, scratch) == []


@pytest.mark.parametrize("kind", ["EOFError", "die", "hang_gil", "silent", "dies"])
def test_a_launch_that_fails_is_made_again(kind: str, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    game.force({"op": "launch", "at": 1, "kind": kind})
    minerl = make_env(game, attempts=2, task="diamond_shovel", launch_deadline=8.0)
    assert play(minerl, game, seed=9, ticks=10).rewards == 0.25
    minerl.close()
    assert leavings(game, scratch) == []


@pytest.mark.parametrize(("op", "kind"), [("launch", "dies"), ("reset", "hang"), ("reset", "AttributeError")])
def test_a_game_that_never_starts_is_given_up(
    op: str, kind: str, game: StandIn, scratch: Path, make_env: MakeEnv
) -> None:
    game.force(*[{"op": op, "at": 1, "kind": kind}] * 3)
    minerl = make_env(game, attempts=2, **QUICK)
    with pytest.raises(MineRLError, match="2 times"):
        minerl.reset(seed=0)
    assert len(game.forced()) == 2
    assert leavings(game, scratch) == []
    game.force()
    assert play(minerl, game, seed=0, ticks=3).invalid is None


@pytest.mark.parametrize("kind", ["ValueError", "die", "hang", "hang_gil", "stop", "slow", "stop_game", "child"])
def test_closing_leaves_nothing(kind: str, game: StandIn, scratch: Path, make_env: MakeEnv) -> None:
    game.force({"op": "close", "at": 1, "kind": kind})
    minerl = make_env(game)
    assert play(minerl, game, seed=1, ticks=3).invalid is None
    minerl.close()
    assert [fault["op"] for fault in game.forced()] == ["close"]
    assert leavings(game, scratch) == []
    assert play(minerl, game, seed=1, ticks=3).invalid is None


@pytest.mark.parametrize(
    ("op", "kind"),
    [("step", "noise"), ("reset", "noise"), ("launch", "loud"), ("step", "child"), ("launch", "childful")],
)
def test_noise_and_children_disturb_no_episode(
    op: str, kind: str, game: StandIn, scratch: Path, make_env: MakeEnv
) -> None:
    game.force({"op": op, "at": 1, "kind": kind})
    minerl = make_env(game, task="diamond_shovel")
    assert play(minerl, game, seed=1, ticks=20).rewards == 0.5
    assert len(game.forced()) == 1
    minerl.close()
    assert leavings(game, scratch) == []


def test_a_worker_that_is_silent_is_not_waited_for(game: StandIn, make_env: MakeEnv) -> None:
    game.force({"op": "step", "at": 2, "kind": "hang_gil"})
    void = play(make_env(game, step_deadline=100.0, silence=4.0), game, seed=1, ticks=5)
    assert void.invalid == "no sign of life for 4 s at step"


def test_a_step_that_takes_long_and_gives_signs_of_life_is_waited_for(game: StandIn, make_env: MakeEnv) -> None:
    game.force({"op": "step", "at": 2, "kind": "pause"})
    assert play(make_env(game, step_deadline=100.0, silence=3.0), game, seed=1, ticks=5).invalid is None


def test_too_much_memory_ends_an_episode(game: StandIn, make_env: MakeEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("env.minerl.process.MEMORY_SECONDS", 0.0)
    game.force({"op": "step", "at": 4, "kind": "leak"})
    minerl = make_env(game, memory_gb=0.3)
    void = play(minerl, game, seed=1, ticks=20)
    assert void.invalid is not None
    assert "memory" in void.invalid
    assert play(minerl, game, seed=1, ticks=20).invalid is None


def test_a_game_that_has_grown_is_started_anew_between_episodes(
    game: StandIn, make_env: MakeEnv, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    game.force({"op": "step", "at": 4, "kind": "leak"})
    minerl = make_env(game, memory_gb=0.45)
    for _ in range(3):
        assert play(minerl, game, seed=1, ticks=6).invalid is None
    assert caplog.text.count("starting it anew") == 1


def test_an_error_is_told_in_one_line(game: StandIn, make_env: MakeEnv) -> None:
    game.force({"op": "step", "at": 1, "kind": "JSONDecodeError"})
    assert play(make_env(game), game, seed=1, ticks=2).invalid == (
        "step failed: JSONDecodeError: Expecting value: line 1 column 2 (char 1)"
    )


PLAYER = f"""
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may ignore it, as nohup does
from env.minerl.client import MineRLEnv
minerl = MineRLEnv({SIZE}, python=sys.argv[1])
minerl.reset(seed=0)
minerl.step({{"jump": 1}})
print("plays", flush=True)
while True:
    minerl.step({{"jump": 1}})
"""


@pytest.fixture
def player(game: StandIn) -> Iterator[subprocess.Popen[str]]:
    """A process that plays without an end."""
    code = [sys.executable, "-c", PLAYER, str(game.python)]
    with subprocess.Popen(
        code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "plays\n"
        yield process
        process.kill()


@pytest.mark.parametrize("stop", ["SIGKILL", "SIGINT", "SIGTERM", "SIGHUP"])
def test_a_killed_client_leaves_nothing(
    stop: str, game: StandIn, scratch: Path, player: "subprocess.Popen[str]"
) -> None:
    pictures = _pictures_of(player.pid)
    assert len(pictures) == 1
    assert len(game.processes()) == 2
    os.killpg(player.pid, getattr(signal, stop))
    player.wait(TIMEOUT)
    assert _left_after_all(game, scratch) == []
    assert not any(map(os.path.exists, pictures))


def _left_after_all(game: StandIn, scratch: Path) -> list[Any]:
    """What is left when the guard has had time enough."""
    end = time.monotonic() + TIMEOUT
    while (left := leavings(game, scratch)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _pictures_of(pid: int) -> set[str]:
    """The files of pictures that a process has in its memory."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if "minerl-" in line}


def test_a_hung_step_can_be_interrupted(make_game: MakeStandIn, scratch: Path) -> None:
    game = make_game(faults=[{"op": "step", "at": 5, "kind": "hang"}])
    code = [sys.executable, "-c", PLAYER, str(game.python)]
    with subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + TIMEOUT
        while len(game.calls("step")) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=TIMEOUT)
    assert complaint.splitlines()[-1] == "KeyboardInterrupt"
    assert leavings(game, scratch) == []


FORKER = PLAYER.replace(
    "while True:", "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\nminerl.close()\nwhile False:"
)


def test_closing_leaves_nothing_where_the_client_was_forked(game: StandIn, scratch: Path) -> None:
    """A child has copies of all that its parent has open."""
    with subprocess.Popen([sys.executable, "-c", FORKER, str(game.python)], start_new_session=True) as process:
        try:
            assert process.wait(TIMEOUT) == 0
            assert leavings(game, scratch) == []
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_killed_client_leaves_nothing_where_it_was_forked(game: StandIn, scratch: Path) -> None:
    code = FORKER.replace("minerl.close()", "os.kill(os.getpid(), signal.SIGKILL)").replace(
        "import sys", "import signal, sys"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(game.python)], start_new_session=True) as process:
        try:
            assert process.wait(TIMEOUT) == -signal.SIGKILL
            assert _left_after_all(game, scratch) == []
        finally:
            os.killpg(process.pid, signal.SIGKILL)
