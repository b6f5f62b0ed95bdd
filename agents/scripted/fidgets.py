"""Keys tapped in passing, beside whatever else the hands do."""

import numpy as np

from agents.scripted.body import Body
from agents.scripted.human_input import Keys
from env.actions import HOTBAR
from env.voxel.rules.inventory import HOTBAR_SIZE

_TICKS_PER_MINUTE = 1200
_PATIENCE = 12
"""Ticks that a tap may take."""


class Fidgets:
    """Adds taps to the keys that a behaviour wants, as often as the style says."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._rng = body.rng
        self._rates = body.style.fidgets
        self._key: str | None = None
        self._hold = 0  # ticks that the key is still to be down
        self._patience = 0

    def beside(self, wanted: Keys) -> Keys:
        """The keys wanted in this tick, and the one that is tapped beside them; in an open screen there is none."""
        if not self._rates or self._body.screen is not None:
            self._key = None
            return wanted
        if self._key is None:
            self._key = self._begun()
        elif self._key in self._body.keyboard.down:
            self._hold -= 1
        self._patience -= 1
        if self._hold <= 0 or self._patience <= 0:
            self._key = None
        return wanted if self._key is None else wanted | {self._key}

    def _begun(self) -> str | None:
        """The key of a tap that begins now, if one does."""
        for name, rate in self._rates.items():
            if self._rng.random() < rate / _TICKS_PER_MINUTE and (name != "drop" or self._body.holds_something):
                self._hold = int(self._rng.integers(1, 4))
                self._patience = _PATIENCE
                return HOTBAR[other_slot(self._body)] if name == "hotbar" else name
        return None


def other_slot(body: Body) -> int:
    """A hotbar slot, 0 to 8, that is not in hand; the low ones, under the fingers that walk, come up most."""
    weights = 1.0 / (2.0 + np.arange(HOTBAR_SIZE))
    weights[body.selected] = 0.0
    return int(body.rng.choice(HOTBAR_SIZE, p=weights / weights.sum()))
