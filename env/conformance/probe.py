"""Plays in an environment for the checks: keeps the last picture and state, and tells failures from answers."""

import time
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from env.actions import no_op
from env.video.pictures import Frame
from env.wrappers import FilterAction

SETTLE = 6
"""Ticks until the view, and the hand in it, stand still after an action."""
LARGEST_TURN = 90.0
LEVEL = 10.0
"""Degrees down at which the checks look: some ground, some sky."""


class CheckFailed(Exception):  # noqa: N818  # an outcome of a check and no error of the program
    """The environment gave no answer to go by; the message says what happened."""


class CheckSkipped(Exception):  # noqa: N818
    """A check has nothing to go by; the message says what is missing."""


class Probe:
    """An environment being played, one key or turn at a time."""

    def __init__(self, game: gymnasium.Env[Any, Any], *, seed: int) -> None:
        self.game = FilterAction(game)
        self.seed = seed
        self.reset_seconds: list[float] = []
        """Time by the clock that each reset took."""
        self.observation: Mapping[str, Any] = {}
        self.info: Mapping[str, Any] = {}
        self.over = True
        """No episode is being played."""
        self.failed = False
        """The last episode ended because the game failed."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Frame:
        """Starts an episode and returns its first frame."""
        started = time.perf_counter()
        self.over = True
        observation, info = self.game.reset(seed=self.seed if seed is None else seed, options=options)
        self.reset_seconds.append(time.perf_counter() - started)
        self.over = self.failed = False
        return self._see(observation, info)

    def step(self, *keys: str, pitch: float = 0.0, yaw: float = 0.0) -> Frame:
        """Holds keys and turns the view for a tick; the frame that results."""
        for key in keys:
            if key in self.game.missing:
                raise CheckSkipped(f"the environment has no {key}")
        return self.act({**no_op(), **dict.fromkeys(keys, 1), "camera": np.array([pitch, yaw], np.float32)})

    def act(self, action: Mapping[str, Any]) -> Frame:
        """Takes a whole action. Raises CheckFailed where the episode ends with it."""
        observation, _, terminated, truncated, info = self.game.step(action)
        self.over = terminated or truncated
        frame = self._see(observation, info)
        if self.over:
            raise CheckFailed("the episode ended: the player died" if terminated else "the episode ran out of time")
        return frame

    def wait(self, ticks: int = SETTLE) -> Frame:
        """Does nothing for some ticks."""
        for _ in range(ticks):
            self.step()
        return self.frame

    def turn(self, *, pitch: float = 0.0, yaw: float = 0.0) -> Frame:
        """Turns the view, in as few ticks as may be, and waits until it stands still."""
        count = max(1, int(np.ceil(max(abs(pitch), abs(yaw)) / LARGEST_TURN)))
        for _ in range(count):
            self.step(pitch=pitch / count, yaw=yaw / count)
        return self.wait()

    def begin(self) -> None:
        """Sees to an episode with no screen open and the view almost level, as far as the environment tells."""
        if self.over:
            self.reset()
            self.wait()
        if self.info.get("isGuiOpen"):
            self.step("inventory")
            self.wait()
        if "pitch" in self._location:
            self._level()

    def _level(self) -> None:
        """Turns the pitch to `LEVEL`, also where a turn is not by as much, or not to the side, that was asked for."""
        gain = 1.0  # degrees asked for by degrees turned
        for _ in range(8):
            before = self.pitch
            if abs(LEVEL - before) < 2.0:
                return
            asked = gain * (LEVEL - before)
            self.turn(pitch=asked)
            turned = self.pitch - before
            gain = float(np.clip(asked / turned, -4.0, 4.0)) if abs(turned) > 0.5 else -gain

    @property
    def frame(self) -> Frame:
        """The last picture."""
        return np.array(self.observation["pov"])

    @property
    def yaw(self) -> float:
        """Degrees to the right."""
        return self._place("yaw")

    @property
    def pitch(self) -> float:
        """Degrees down."""
        return self._place("pitch")

    @property
    def position(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(x, y, z) of the feet."""
        return np.array([self._place(name) for name in ("xpos", "ypos", "zpos")])

    @property
    def screen_open(self) -> bool:
        """Whether a screen such as the inventory is open."""
        if "isGuiOpen" not in self.info:
            raise CheckSkipped("info tells no isGuiOpen")
        return bool(self.info["isGuiOpen"])

    @property
    def inventory(self) -> dict[str, int]:
        """How many there are of each item."""
        counts = self.observation.get("inventory")
        if isinstance(counts, Mapping):
            return {name: int(count) for name, count in counts.items() if name != "air" and int(count)}
        raise CheckSkipped("observations tell no inventory")

    @property
    def held(self) -> str:
        """The item in hand."""
        try:
            return str(self.observation["equipped_items"]["mainhand"]["type"])
        except (KeyError, TypeError):
            raise CheckSkipped("observations tell no equipped_items") from None

    @property
    def _location(self) -> Mapping[str, Any]:
        place = self.observation.get("location_stats", self.info.get("location_stats", {}))
        return place if isinstance(place, Mapping) else {}

    def _place(self, name: str) -> float:
        if name not in self._location:
            raise CheckSkipped("neither observations nor info tell location_stats")
        return float(self._location[name])

    def _see(self, observation: Any, info: Mapping[str, Any]) -> Frame:
        if reason := info.get("invalid"):
            self.over = self.failed = True
            raise CheckFailed(f"the game failed: {reason}")
        self.observation, self.info = observation, info
        return self.frame
