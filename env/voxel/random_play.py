"""Random play, for benchmarks and soak runs: keys held for a while, a wandering mouse, screens that open and close."""

from typing import Any

import numpy as np

from env.actions import HOTBAR, no_op

_PRESSED_AGAIN, _HELD = 60.0, 6.0  # mean ticks
_HABITS: dict[str, tuple[float, float]] = {
    "forward": (15.0, 50.0),
    "attack": (20.0, 30.0),
    "sprint": (50.0, 20.0),
    "inventory": (300.0, 2.0),
    "ESC": (300.0, 2.0),
    "drop": (400.0, 2.0),
    **dict.fromkeys(HOTBAR, (250.0, 2.0)),
}
"""Mean ticks that a key is up and down, where they are not those above."""
_SWAY, _SPEED = 0.85, 2.5
"""How much of the mouse's speed a tick keeps, and how much, in degrees a tick, is added at random."""


class RandomPlay:
    """Presses all of MineRL's keys at random. The same seed gives the same actions."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        names = [name for name in no_op() if name != "camera"]
        times = np.array([_HABITS.get(name, (_PRESSED_AGAIN, _HELD)) for name in names])
        self._names, self._chances = names, 1.0 / times  # (23, 2) of going down and of coming up
        self._down = np.zeros(len(names), np.bool_)
        self._speed = np.zeros(2)
        self._pitch = 0.0

    def act(self) -> dict[str, Any]:
        """MineRL's action of the next tick."""
        chances = np.where(self._down, self._chances[:, 1], self._chances[:, 0])
        self._down ^= self._rng.random(len(chances)) < chances
        self._speed = _SWAY * self._speed + self._rng.normal(0.0, _SPEED, 2)
        # The view comes back to the horizon now and then, or most of the play would show ground or sky.
        turn = self._speed - (0.1 * self._pitch, 0.0)
        self._pitch = min(max(self._pitch + turn[0], -90.0), 90.0)
        buttons = dict(zip(self._names, self._down.astype(int).tolist(), strict=True))
        return {**buttons, "camera": turn.astype(np.float32)}
