"""Short runs of play with known right and wrong keys and turns."""

from collections.abc import Mapping, Sequence

import numpy as np

from env.actions import BUTTONS, Actions


def held(
    length: int, keys: Mapping[str, str] | None = None, *, yaw: Sequence[float] = (), pitch: Sequence[float] = ()
) -> Actions:
    """`keys` draws each button's ticks: `held(4, {"jump": "..##"})` is jump at the last two."""
    buttons = np.zeros((length, len(BUTTONS)), bool)
    for name, drawn in (keys or {}).items():
        buttons[:, BUTTONS.index(name)] = [sign == "#" for sign in drawn]
    camera = np.zeros((length, 2), np.float32)
    camera[: len(pitch), 0], camera[: len(yaw), 1] = pitch, yaw
    return Actions(buttons, camera)


def random_play(length: int, *, seed: int, stay: float = 0.8) -> Actions:
    """Keys that go up and down now and then, and a view that turns half of the time."""
    rng = np.random.default_rng(seed)
    buttons = np.zeros((length, len(BUTTONS)), bool)
    for tick in range(1, length):
        buttons[tick] = np.where(rng.random(len(BUTTONS)) < stay, buttons[tick - 1], rng.random(len(BUTTONS)) < 0.4)
    turns = rng.normal(size=(length, 2)) * 3 * (rng.random((length, 1)) < 0.5)
    return Actions(buttons, turns.astype(np.float32))
