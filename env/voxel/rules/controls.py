"""The keys of one tick: which are held, which have just been pressed, and how far the mouse turned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from env.actions import HOTBAR, read_action


@dataclass(frozen=True)
class Controls:
    """What the player's fingers do in one tick, by MineRL's names."""

    held: frozenset[str] = frozenset()
    pressed: frozenset[str] = frozenset()
    """The keys held now but not the tick before."""
    pitch: float = 0.0
    """Degrees that the view turns down."""
    yaw: float = 0.0
    """Degrees that the view turns right."""

    @classmethod
    def read(cls, action: Mapping[str, Any], before: "Controls") -> "Controls":
        """From a MineRL action and the controls of the tick before. Raises `GhostkeysError`, see `read_action`."""
        held, (pitch, yaw) = read_action(action)
        return cls(held, held - before.held, pitch, yaw)

    def axis(self, positive: str, negative: str) -> float:
        """1, 0 or -1 for a pair of opposite keys."""
        return float(positive in self.held) - float(negative in self.held)

    @property
    def hotbar(self) -> int | None:
        """The hotbar slot (0 to 8) selected now; of several the last, as in Minecraft."""
        chosen = [slot for slot, name in enumerate(HOTBAR) if name in self.pressed]
        return chosen[-1] if chosen else None
