"""Mouse and keyboard as a person uses them: movement in strokes, keys pressed with delays."""

import math
from collections import deque
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from agents.scripted.style import Style

Keys = frozenset[str]
"""The buttons that are, or should be, held in a tick."""

NONE: Keys = frozenset()

PIXEL = 360.0 / 2400.0
"""Degrees of one mouse pixel at Minecraft's default sensitivity."""


def wrap(degrees: float) -> float:
    """A turn as its equal between -180 and 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0


class Mouse:
    """Moves the view towards what it is aimed at, as a hand does.

    A movement is a sum of strokes. Each has the bell-shaped speed of a minimum-jerk movement (Flash and Hogan 1985),
    takes longer the farther it goes (Fitts 1954), and misses a little; the next stroke corrects what is left. Output is
    whole mouse pixels.
    """

    TOP_SPEED = 9.9
    """Degrees a tick and axis, the most that VPT's camera bins can tell; flicks of the view go beyond."""
    FLICK_ACCELERATION = 20.0
    """Degrees a tick, per tick, that a flick gains at most."""
    FAR = 15.0
    """Degrees beyond which a movement may be a flick."""

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        self._style = style
        self._rng = rng
        self._planned: deque[NDArray[np.float64]] = deque()  # movement of the ticks to come, (yaw, pitch)
        self._rest = np.zeros(2)  # what whole pixels left over
        self._wait = 0
        self._goal = (0.0, 0.0)
        self._tolerance = 2.0
        self._error = 180.0
        self._snaps = False
        self._top_speed = max(self.TOP_SPEED, style.flick_speed[1])

    def aim(self, yaw: float, pitch: float, *, tolerance: float = 2.0, flick: bool = False) -> None:
        """Sets the view angles to go to, by a flick if so asked; nearer than `tolerance` degrees is good enough.

        In an open screen these are the cursor's x and y, in degrees that the mouse moves.
        """
        self._goal = (yaw, min(max(pitch, -89.0), 89.0))
        self._tolerance = tolerance
        self._error = 180.0
        self._snaps = flick

    def stop(self, yaw: float, pitch: float) -> None:
        """Forgets where it was going, and stays here."""
        self._planned.clear()
        self.aim(yaw, pitch)

    @property
    def settled(self) -> bool:
        """Whether the last movement ended near enough to the goal."""
        return self._error <= self._tolerance and float(np.hypot(*self._coming())) <= 0.5 * self._tolerance

    def move(self, yaw: float, pitch: float) -> NDArray[np.float32]:
        """The movement of this tick, (pitch, yaw) in degrees, for a view that now has these angles."""
        missing = np.array([wrap(self._goal[0] - yaw), self._goal[1] - pitch])
        self._error = float(np.hypot(*missing))
        left = missing - self._coming()
        left[0] = wrap(left[0])
        self._wait = max(0, self._wait - 1)
        if self._wait == 0 and np.hypot(*left) > self._tolerance:
            self._add_stroke(left)
            self._wait = int(self._rng.integers(3, 6)) + int(self._rng.integers(*self._style.reaction, endpoint=True))
        step = self._planned.popleft() if self._planned else np.zeros(2)
        if self._rng.random() < self._style.tremor:
            step = step + self._rng.normal(0.0, PIXEL * self._style.sensitivity, 2)
        wanted = np.clip(step, -self._top_speed, self._top_speed) + self._rest
        pixels = np.round(wanted / PIXEL)
        self._rest = wanted - pixels * PIXEL
        return np.asarray(pixels[::-1] * PIXEL, np.float32)

    def _coming(self) -> NDArray[np.float64]:
        return sum(self._planned, np.zeros(2))

    def _add_stroke(self, movement: NDArray[np.float64]) -> None:
        """Adds a stroke of about this (yaw, pitch) to the ticks to come."""
        length = float(np.hypot(*movement))
        peak, ticks = self._pace(length)
        aside = np.array([-movement[1], movement[0]]) * self._rng.normal(0.0, 0.3 * self._style.overshoot)
        movement = movement * (1.0 + self._rng.normal(0.2, 1.0) * self._style.overshoot) + aside
        time = np.linspace(0.0, 1.0, ticks + 1)
        way = np.diff(10.0 * time**3 - 15.0 * time**4 + 6.0 * time**5)  # (ticks,), adds up to 1
        for _ in range(3):  # A long stroke has a flat top.
            way = np.minimum(way, peak / length)
            way /= way.sum()
        way *= np.maximum(0.0, self._rng.normal(1.0, 0.06, ticks))
        while len(self._planned) < ticks:
            self._planned.append(np.zeros(2))
        for tick, part in enumerate(way):
            self._planned[tick] = self._planned[tick] + part * movement

    def _pace(self, length: float) -> tuple[float, int]:
        """Peak speed, degrees a tick, and duration in ticks of a stroke of so many degrees."""
        sensitivity = self._style.sensitivity
        if length > self.FAR and self._flicks():
            peak = self._rng.uniform(*self._style.flick_speed)
            # A minimum-jerk movement peaks at 1.88 lengths a duration, and at 5.77 lengths a duration squared.
            by_acceleration = math.ceil(math.sqrt(5.77 * length / self.FLICK_ACCELERATION))
            return peak, max(3, math.ceil(1.88 * length / peak), by_acceleration)
        peak = self._rng.uniform(*self._style.stroke_speed) * sensitivity
        by_fitts = round(1.0 + 1.6 * math.log2(1.0 + length / sensitivity))
        return peak, max(3, by_fitts, 2 + math.ceil(1.2 * length / peak))

    def _flicks(self) -> bool:
        return self._snaps or (self._style.flick > 0.0 and bool(self._rng.random() < self._style.flick))


class Keyboard:
    """Presses the keys that a behaviour wants: a little late, and never for a single tick."""

    SHORTEST = 2
    """Ticks that a key stays down or up at least; one tick in an open screen, where people click."""
    DOUBLE_TAP = 8
    """Ticks between two presses of forward that are no double tap, which would start a sprint without its key."""

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        self._style = style
        self._rng = rng
        self._down: set[str] = set()
        self._delay: dict[str, int] = {}  # ticks until a change takes effect
        self._still: dict[str, int] = {}  # ticks until the key may change again
        self._since_forward = self.DOUBLE_TAP

    @property
    def down(self) -> Keys:
        """The keys that are down."""
        return frozenset(self._down)

    def press(self, wanted: AbstractSet[str], *, shortest: int = SHORTEST) -> Keys:
        """The keys that are down in this tick, given those that should be; they stay for `shortest` ticks at least."""
        self._since_forward += 1
        for key in sorted(self._down | wanted | self._delay.keys()):
            self._still[key] = max(0, self._still.get(key, 0) - 1)
            if (key in wanted) == (key in self._down):
                self._delay.pop(key, None)
                continue
            delay = self._delay.setdefault(key, int(self._rng.integers(0, self._style.reaction[1])))
            if delay > 0:
                self._delay[key] = delay - 1
            elif self._still[key] == 0 and not self._double_taps(key):
                self._flip(key, shortest)
        return self.down

    def _double_taps(self, key: str) -> bool:
        return key == "forward" and key not in self._down and self._since_forward < self.DOUBLE_TAP

    def _flip(self, key: str, shortest: int) -> None:
        del self._delay[key]
        self._still[key] = shortest
        if key not in self._down:
            self._down.add(key)
            self._since_forward = 0 if key == "forward" else self._since_forward
            return
        self._down.remove(key)
        if key == "sprint" and "forward" in self._down:
            # A sprint goes on until forward is let go: without this, the key would leave no trace in the picture.
            self._down.remove("forward")
            self._still["forward"] = 3
