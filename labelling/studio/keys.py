"""What the page says of keyboard and mouse, and the MineRL action that it makes of a tick."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from env.actions import HOTBAR, MAX_TURN, MINERL_KEYS, no_op
from env.contractor import DEGREES_PER_PIXEL
from env.errors import GhostkeysError

KEYS = frozenset(MINERL_KEYS) - {"camera"}
MAX_MOVEMENT = 1e5
"""Pixels. No mouse goes further between two messages."""
MAX_NOTCHES = 100


@dataclass(frozen=True)
class Input:
    """One message of the page: what is held now, and what the mouse did since the message before."""

    held: frozenset[str]
    """MineRL's names."""
    dx: float = 0.0
    """Pixels to the right."""
    dy: float = 0.0
    """Pixels down."""
    wheel: int = 0
    """Notches towards the player, each the next slot of the hotbar."""

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Self:
        """From JSON. Raises `GhostkeysError` for anything that a page does not send."""
        held = message.get("held", [])
        if not isinstance(held, list) or not all(isinstance(name, str) and name in KEYS for name in held):
            raise GhostkeysError(f"`held` is {held!r:.80}; expected a list of MineRL's names.")
        dx, dy = (_number(message, name, MAX_MOVEMENT) for name in ("dx", "dy"))
        return cls(frozenset(held), dx, dy, int(_number(message, "wheel", MAX_NOTCHES)))


class Keys:
    """Gathers messages between two ticks."""

    def __init__(self, *, sensitivity: float = 1.0) -> None:
        self._degrees_per_pixel = DEGREES_PER_PIXEL * sensitivity
        self.release()

    def release(self) -> None:
        """Nothing is held any more, and what was not played yet is forgotten."""
        self._held: frozenset[str] = frozenset()
        self._tapped: frozenset[str] = frozenset()
        self._dx = self._dy = 0.0
        self._wheel = 0

    def add(self, message: Input) -> None:
        """Take in what happened. A key that is let go before the tick counts as held for that one tick."""
        self._held = message.held
        self._tapped |= message.held
        self._dx += message.dx
        self._dy += message.dy
        self._wheel += message.wheel

    def take(self, *, slot: int = 0) -> dict[str, Any]:
        """The MineRL action of a tick, and begin the next. `slot` (0 to 8) is the hotbar's, from which the wheel turns.

        The wheel presses the key of the slot it leads to, as readers of VPT's recordings have it.
        """
        pressed = set(self._held | self._tapped)
        if self._wheel:
            pressed.add(HOTBAR[(slot + self._wheel) % len(HOTBAR)])
        camera = np.array([self._dy, self._dx], np.float64) * self._degrees_per_pixel
        self._tapped, self._dx, self._dy, self._wheel = frozenset(), 0.0, 0.0, 0
        action = no_op() | dict.fromkeys(pressed, 1)
        return {**action, "camera": np.clip(camera, -MAX_TURN, MAX_TURN).astype(np.float32)}


def _number(message: Mapping[str, Any], name: str, largest: float) -> float:
    value = message.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= largest:
        raise GhostkeysError(f"`{name}` is {value!r:.80}; expected a number within {largest:g}.")
    return float(value)
