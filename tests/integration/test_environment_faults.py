"""`ghostkeys env check`: each fault of an environment is found by the checks that are about it; the bridge passes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import ghostkeys
from env.actions import no_op
from env.conformance import run_checks
from tests.fakes.standin import make_stand_in

Game = gymnasium.Env[Any, Any]


class ChangedAction(gymnasium.ActionWrapper[Any, Any, Any]):
    """Gives the environment another action than the one that is taken."""

    def __init__(self, game: Game, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(game)
        self._change = change

    def action(self, action: Mapping[str, Any]) -> dict[str, Any]:
        return self._change(dict(action))


class ChangedPicture(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Shows another picture than the environment's."""

    def __init__(self, game: Game, change: Callable[[Any], Any]) -> None:
        super().__init__(game)
        self._change = change

    def observation(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        return {**observation, "pov": self._change(observation["pov"])}


class Late(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Shows each picture a tick late."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observation, info = self.env.reset(seed=seed, options=options)
        self._picture = observation["pov"]
        return observation, info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        shown, self._picture = self._picture, observation["pov"]
        return ({**observation, "pov": shown}, *rest)


class OtherSeeds(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Starts in another world each time."""

    def __init__(self, game: Game) -> None:
        super().__init__(game)
        self._resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self._resets += 1
        return self.env.reset(seed=100 + self._resets, options=options)


class NoOptions(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Takes no options of `reset` and leaves them out."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self.env.reset(seed=seed)


def camera(change: Callable[[Any], Any]) -> Callable[[Game], Game]:
    """A wrapper that turns the view otherwise than asked."""
    return lambda game: ChangedAction(game, lambda act: {**act, "camera": np.float32(change(np.array(act["camera"])))})


def pressed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Game], Game]:
    """A wrapper that presses other keys."""
    return lambda game: ChangedAction(game, change)


def picture(change: Callable[[Any], Any]) -> Callable[[Game], Game]:
    """A wrapper that shows another picture."""
    return lambda game: ChangedPicture(game, change)


WRONG: dict[str, tuple[Callable[[Game], Game], set[str]]] = {
    "mirrored yaw": (camera(lambda turn: turn * (1, -1)), {"camera: right", "screen: cursor"}),
    "mirrored pitch": (camera(lambda turn: turn * (-1, 1)), {"camera: down"}),
    "pitch and yaw swapped": (camera(lambda turn: turn[::-1]), {"camera: axes"}),
    "half the degrees": (camera(lambda turn: turn / 2), {"camera: degrees", "screen: cursor"}),
    "whole degrees": (camera(lambda turn: np.round(turn / 7) * 7), {"camera: degrees"}),
    "no camera": (camera(lambda turn: turn * 0), {"camera: axes", "time: turn"}),
    "nothing is done": (pressed(lambda act: no_op()), {"actions: answered"}),
    "a tick late": (Late, {"time: turn", "time: key", "time: screen"}),
    "upside down": (picture(lambda pov: pov[::-1].copy()), {"picture: upright"}),
    "left and right swapped": (picture(lambda pov: pov[:, ::-1].copy()), {"picture: upright"}),
    "negative strides": (picture(lambda pov: pov[::-1].copy()[::-1]), {"picture: layout"}),
    "floats": (picture(lambda pov: pov / np.float32(255)), {"picture: format", "observations: declared"}),
    "black": (picture(np.zeros_like), {"picture: format"}),
    "other seeds": (OtherSeeds, {"seeds: repeat"}),
    "no inventory key": (pressed(lambda act: {**act, "inventory": 0}), {"screen: opens"}),
    "forward and back swapped": (
        pressed(lambda act: {**act, "forward": act["back"], "back": act["forward"]}),
        {"keys: walking"},
    ),
    "no jump": (pressed(lambda act: {**act, "jump": 0}), {"keys: jump"}),
    "no drop": (pressed(lambda act: {**act, "drop": 0}), {"inventory: drop"}),
    "options left out": (NoOptions, {"inventory: given"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_fault_is_found_by_the_checks_that_are_about_it(name: str) -> None:
    """And by no others: what cannot be told because of it is skipped."""
    wrong, expected = WRONG[name]
    game = wrong(gymnasium.make("ghostkeys/Voxel-v0", size=(72, 128), disable_env_checker=True))
    report = run_checks(game, steps=1)
    assert {row.check for row in report.rows if row.verdict in ("differs", "failed")} == expected


@pytest.fixture
def minerl_python_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--minerl-python` sets the variable, for all processes of the command."""
    monkeypatch.setenv("GHOSTKEYS_MINERL_PYTHON", "nowhere")


def test_the_bridge_to_minerl_passes_over_its_stand_in(
    minerl_python_restored: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures, cursor, time and inventory come through two processes as they were."""
    game = make_stand_in(tmp_path / "minerl", world="embedded", height=180, width=320)
    command = "env check --env ghostkeys/MineRL-v0 --size vpt --steps 20"
    assert ghostkeys.main([*command.split(), f"--minerl-python={game.python}"]) == 0
    shown = capsys.readouterr().out
    assert "spawned 0.0 blocks apart" in shown
    assert "Not as expected" not in shown
    assert "skipped" not in shown
    assert game.processes() == []


def test_a_game_that_dies_is_a_row_and_the_checks_go_on(
    minerl_python_restored: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    game = make_stand_in(tmp_path / "minerl", world="embedded", height=180, width=320)
    game.force({"op": "step", "at": 30, "kind": "die"})
    command = "env check --env ghostkeys/MineRL-v0 --size vpt --steps 20 --env-options.backoff 0"
    assert ghostkeys.main([*command.split(), f"--minerl-python={game.python}"]) == 1
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "26 ok, 1 failed. Not as expected: observations: declared."
    assert "the game failed: " in shown
    assert game.processes() == []
