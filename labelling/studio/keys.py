"""What the page says of keyboard and mouse, and the MineRL action that it makes of a tick."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from env.actions import HOTBAR, MAX_TURN, MINERL_KEYS, no_op
from env.errors import GhostkeysError
from env.recordings.keys import DEGREES_PER_PIXEL

KEYS = frozenset(MINERL_KEYS) - {"camera"}
MAX_MOVEMENT = 1e5
"""Pixels. No mouse goes further between two messages."""
MAX_NOTCHES = 100


class MessageError(GhostkeysError):
    """A message is none that the page sends. The text is ASCII."""


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
        """From JSON. Raises `MessageError` for anything that a page does not send."""
        held = message.get("held", [])
        if not isinstance(held, list) or not all(isinstance(name, str) and name in KEYS for name in held):
            raise MessageError(f"`held` is {held!a:.80}; expected a list of MineRL's names.")
        dx, dy = (_number(message, name, MAX_MOVEMENT) for name in ("dx", "dy"))
        return cls(frozenset(held), dx, dy, int(_number(message, "wheel", MAX_NOTCHES)))


class Keys:
    """Gathers messages between two ticks."""

    def __init__(self, *, sensitivity: float = 1.0) -> None:
        self._sensitivity = sensitivity
        self.release()

    def release(self) -> None:
        """Nothing is held any more, and what was not played yet is forgotten."""
        self._held: frozenset[str] = frozenset()
        self._tapped: frozenset[str] = frozenset()
        self._moved = np.zeros(2)  # pixels, down and right
        self._wheel = 0

    def add(self, message: Input) -> None:
        """Take in what happened. A key that goes down and up between two ticks counts as held for one."""
        self._tapped |= message.held - self._held
        self._held = message.held
        self._moved += message.dy, message.dx
        self._wheel += message.wheel

    def take(self, *, slot: int | None = 0) -> dict[str, Any]:
        """The MineRL action of a tick, and begin the next.

        `slot` (0 to 8) is the hotbar's, from which the wheel turns: it presses the key of the slot it leads to, as
        readers of VPT's recordings have it. None where the wheel turns nothing. The view turns by whole pixels, as it
        does in VPT's recordings; what is left of one is for the next tick.
        """
        pressed = set(self._held | self._tapped)
        if self._wheel and slot is not None:
            pressed.add(HOTBAR[(slot + self._wheel) % len(HOTBAR)])
        moved = self._moved * self._sensitivity
        pixels = np.rint(moved)
        self._tapped, self._wheel = frozenset(), 0
        self._moved = (moved - pixels) / self._sensitivity
        camera = np.clip(pixels * DEGREES_PER_PIXEL, -MAX_TURN, MAX_TURN).astype(np.float32)
        return {**no_op(), **dict.fromkeys(pressed, 1), "camera": camera}


def _number(message: Mapping[str, Any], name: str, largest: float) -> float:
    value = message.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= largest:
        raise MessageError(f"`{name}` is {value!a:.80}; expected a number within {largest:g}.")
    return float(value)
