"""`ghostkeys env check`: the embedded world passes; a game that fails, or tells little, is a row and no trace."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import ghostkeys
from env.actions import minerl_action_space
from env.conformance import CHECKS, Report, Row, run_checks
from env.conformance.endurance import Endurance, growth, memory
from env.conformance.view import wrapped

SIZE = (72, 128)


def game(**arguments: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make("ghostkeys/Voxel-v0", size=SIZE, disable_env_checker=True, **arguments)


def verdicts(report: Report) -> dict[str, str]:
    return {row.check: row.verdict for row in report.rows}


def row(report: Report, name: str) -> Row:
    return next(each for each in report.rows if each.check == name)


def test_the_command_passes_the_embedded_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "check.json"
    assert (
        ghostkeys.main(["env", "check", "--env=ghostkeys/Voxel-v0", "--size=vpt", "--steps=30", f"--json={file}"]) == 0
    )
    found = json.loads(file.read_text())
    names = [each["check"] for each in found["rows"]]
    assert names == [check.name for check in (*CHECKS, *Endurance(1).checks())]
    assert {each["verdict"] for each in found["rows"]} == {"ok"}
    assert (found["env"], found["size"], found["passed"]) == ("ghostkeys/Voxel-v0", [128, 128], True)
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)
    assert shown.splitlines()[-1] == f"{len(names)} ok."


class Restless(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Moves by itself, as Minecraft does: clouds drift, an animal walks about, leaves flicker."""

    def __init__(self, inner: gymnasium.Env[Any, Any]) -> None:
        super().__init__(inner)
        self._rng = np.random.default_rng(0)
        self._tick = 0

    def observation(self, observation: Any) -> Any:
        self._tick += 1
        picture = observation["pov"].astype(int) + self._rng.integers(-5, 6, observation["pov"].shape)
        height, width = picture.shape[:2]
        for start, top in ((0, 0.08), (40, 0.2)):
            left = (start + self._tick // 2) % (width - 20)
            picture[round(top * height) : round((top + 0.06) * height), left : left + 20] = 250
        left = round((0.3 + 0.2 * np.sin(self._tick / 15)) * width)
        picture[round(0.55 * height) : round(0.65 * height), left : left + 6] = (200, 120, 120)
        return {**observation, "pov": np.clip(picture, 0, 255).astype(np.uint8)}


@pytest.mark.parametrize("seed", [0, 5])
def test_what_moves_by_itself_is_no_difference(seed: int) -> None:
    """Only the pictures of equal seeds are compared exactly, in a game that says it is deterministic."""
    report = run_checks(Restless(game()), seed=seed, steps=5)
    assert {name for name, verdict in verdicts(report).items() if verdict != "ok"} == {"seeds: repeat"}


class Bare(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Shows a picture and tells nothing else, as MineRL's BASALT environments do."""

    def __init__(self, inner: gymnasium.Env[Any, Any]) -> None:
        super().__init__(inner)
        self.observation_space = gymnasium.spaces.Dict({"pov": inner.observation_space["pov"]})  # type: ignore[index]

    def observation(self, observation: Any) -> Any:
        return {"pov": observation["pov"]}

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {}

    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0], {}


def test_what_an_environment_does_not_tell_is_skipped() -> None:
    report = run_checks(Bare(game()), steps=5)
    assert report.passed
    assert row(report, "camera: axes").found == "neither observations nor info tell location_stats"
    assert row(report, "screen: opens").found == "info tells no isGuiOpen"
    assert row(report, "inventory: given").found == "observations tell no inventory"
    assert row(report, "screen: cursor").found.startswith("needs screen: opens, camera: axes")
    told = {"actions: answered", "picture: upright", "time: turn", "time: key", "seeds: repeat"}
    assert {verdicts(report)[name] for name in told} == {"ok"}


class SomeKeys(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Has only some of MineRL's keys."""

    def __init__(self, inner: gymnasium.Env[Any, Any]) -> None:
        super().__init__(inner)
        space = minerl_action_space()
        names = ("camera", "forward", "jump", "back", "left", "right", "inventory")
        self.action_space = gymnasium.spaces.Dict({name: space[name] for name in names})


def test_keys_that_an_environment_lacks_are_told_once() -> None:
    report = run_checks(SomeKeys(game()), steps=5)
    found = row(report, "actions: keys")
    assert found.verdict == "differs"
    assert found.found.startswith("7 keys: it lacks ESC, attack, drop, hotbar.1")
    assert row(report, "time: key").verdict == "skipped"
    assert row(report, "inventory: drop").found == "the environment has no hotbar.1"
    assert [each.check for each in report.rows if each.verdict in ("differs", "failed")] == ["actions: keys"]


class Fails(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Fails once, at one of its steps: raises, or returns an invalid step as the bridge to MineRL does."""

    def __init__(self, inner: gymnasium.Env[Any, Any], fault: Exception | str) -> None:
        super().__init__(inner)
        self._fault, self._steps, self.resets = fault, 0, 0

    def reset(self, **given: Any) -> Any:
        self.resets += 1
        return super().reset(**given)

    def step(self, action: Any) -> Any:
        self._steps += 1
        observation, reward, terminated, truncated, info = super().step(action)
        if self._steps == 25 and isinstance(self._fault, Exception):
            raise self._fault
        if self._steps == 25:
            return observation, 0.0, False, True, {**info, "invalid": self._fault}
        return observation, reward, terminated, truncated, info


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError("the pipe\nbroke"), r"OSError: the pipe\nbroke"),
        ("no answer in 30 s", "the game failed: no answer in 30 s"),
    ],
)
def test_a_failure_is_one_row_and_the_next_check_has_a_new_episode(fault: Exception | str, told: str) -> None:
    failing = Fails(game(), fault)
    report = run_checks(failing, steps=5)
    wrong = [each for each in report.rows if each.verdict != "ok"]
    assert [(each.check, each.verdict, each.found) for each in wrong] == [("observations: declared", "failed", told)]
    assert not report.passed
    assert failing.resets == 4  # the first, two of equal seeds, one with an inventory


class NeverStarts(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Cannot be reset."""

    def reset(self, **given: Any) -> Any:
        raise RuntimeError("no game")


def test_a_game_that_does_not_start_fails_once_and_the_rest_is_skipped() -> None:
    report = run_checks(NeverStarts(game()), steps=5)
    assert row(report, "game: plays").found == "RuntimeError: no game"
    assert [each.check for each in report.rows if each.verdict == "failed"] == ["game: plays"]
    assert {each.verdict for each in report.rows} == {"ok", "failed", "skipped"}


def test_short_episodes_are_started_anew_while_speed_is_measured() -> None:
    report = run_checks(game(max_ticks=250), steps=600)
    assert row(report, "steps: speed").verdict == "ok"
    assert row(report, "steps: speed").found.endswith("; 2 episodes ended")


def test_growth_is_that_of_the_second_half() -> None:
    steps = list(range(0, 1001, 100))
    used = [1.0 if step < 500 else 2.0 + 0.003 * (step - 500) for step in steps]
    assert growth(steps, used) == pytest.approx(3.0)
    assert growth([0], [1.0]) == 0.0


def test_memory_counts_what_was_taken() -> None:
    before = memory()
    taken = np.ones(25_000_000)
    assert memory() - before == pytest.approx(taken.nbytes / 1e9, rel=0.2)


@pytest.mark.parametrize(("angle", "expected"), [(190.0, -170.0), (-190.0, 170.0), (359.0, -1.0), (90.0, 90.0)])
def test_angles_wrap(angle: float, expected: float) -> None:
    assert wrapped(angle) == expected


def test_a_table_says_what_is_not_as_expected() -> None:
    rows = tuple(
        Row(check=name, expected="this", found="that " * 30, verdict=verdict)  # type: ignore[arg-type]
        for name, verdict in (("a: b", "ok"), ("c: d", "differs"), ("e: f", "failed"), ("g: h", "skipped"))
    )
    report = Report("x", (3, 4), 0, rows)
    lines = report.table().splitlines()
    assert max(map(len, lines)) <= 140
    assert lines[0] == "x, 3 x 4 pixels, seed 0"
    assert lines[-1] == "1 ok, 1 differs, 1 failed, 1 skipped. Not as expected: c: d; e: f."
    assert not report.passed
    assert Report("x", (3, 4), 0, (rows[0], rows[3])).passed
