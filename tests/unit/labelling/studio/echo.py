"""A game whose picture tells which tick it is, and what was pressed to get there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.actions import HOTBAR, MINERL_KEYS, minerl_action_space
from env.recordings.keys import DEGREES_PER_PIXEL

ENV_ID = "tests.unit.labelling.studio.echo:Echo-v0"
"""Names its module, so that the command finds it too."""
KEYS = tuple(name for name in MINERL_KEYS if name != "camera")
BITS, CELL = 12, 8
SIZE = (5 * CELL, BITS * CELL)
MIDDLE = 2 ** (BITS - 1)


@dataclass(frozen=True)
class Seen:
    """What a picture tells."""

    tick: int
    keys: frozenset[str]
    dx: int
    """Pixels of the mouse."""
    dy: int


def draw(seen: Seen) -> NDArray[np.uint8]:
    """uint8 (*SIZE, 3): rows of black and white cells, readable after lossy coding."""
    keys = sum(2**place for place, name in enumerate(KEYS) if name in seen.keys)
    numbers = [seen.tick, keys % 2**BITS, keys >> BITS, seen.dx + MIDDLE, seen.dy + MIDDLE]
    cells = np.array(numbers)[:, None] >> np.arange(BITS) & 1
    return np.kron(cells * 255, np.ones((CELL, CELL)))[..., None].repeat(3, axis=2).astype(np.uint8)


def read(frame: NDArray[np.uint8]) -> Seen:
    """What `draw` drew."""
    cells = frame.mean(axis=2).reshape(-1, CELL, BITS, CELL).mean(axis=(1, 3)) > 127
    tick, low, high, dx, dy = (int(number) for number in cells @ 2 ** np.arange(BITS))
    keys = low + (high << BITS)
    return Seen(tick, frozenset(name for place, name in enumerate(KEYS) if keys >> place & 1), dx - MIDDLE, dy - MIDDLE)


class Echo(gymnasium.Env[dict[str, Any], dict[str, Any]]):
    """E opens and closes a screen, and the number keys choose a slot. Ends after `length` ticks."""

    def __init__(self, *, keys: Sequence[str] = MINERL_KEYS, length: int = 4095, fails_at: int = -1) -> None:
        self.action_space = spaces.Dict({name: minerl_action_space()[name] for name in keys})
        self.observation_space = spaces.Dict({"pov": spaces.Box(0, 255, (*SIZE, 3), np.uint8)})
        self._length, self._fails_at = length, fails_at
        self.seeds: list[int | None] = []
        """Of the worlds so far."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.seeds.append(seed)
        self._seen = Seen(0, frozenset(), 0, 0)
        self._gui, self._slot = False, 0
        return self._look()

    def step(self, action: dict[str, Any]) -> Any:
        if self._seen.tick == self._fails_at:
            raise OSError(28, "No space left on device")
        keys = frozenset(name for name in action if name != "camera" and action[name])
        if "inventory" in keys - self._seen.keys:
            self._gui = not self._gui
        self._slot = next((slot for slot, name in enumerate(HOTBAR) if name in keys), self._slot)
        dy, dx = np.rint(action["camera"] / DEGREES_PER_PIXEL).astype(int).tolist()
        self._seen = Seen(self._seen.tick + 1, keys, dx, dy)
        observation, info = self._look()
        return observation, 0.0, self._seen.tick == self._length, False, info

    def _look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"pov": draw(self._seen)}, {"hotbar": self._slot, "isGuiOpen": self._gui}


gymnasium.register("Echo-v0", entry_point=f"{__name__}:Echo")
