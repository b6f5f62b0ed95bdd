"""Which screen is open and where its cursor is: MineRL tells only whether one is open."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from env.voxel.observation import screen_info
from env.voxel.rules.menu import WINDOW_HEIGHT, WINDOW_WIDTH
from env.voxel.rules.screen import PIXELS_PER_DEGREE

MIDDLE = (WINDOW_WIDTH / 2, WINDOW_HEIGHT / 2)


@dataclass
class Cursor:
    """Follows the actions: the cursor begins in the middle of a screen that opens, and the camera moves it."""

    is_open: bool = False
    is_inventory: bool = False
    """Whether the screen is the player's own inventory: it opened as the inventory key went down."""
    position: tuple[float, float] = MIDDLE
    """x and y in the game's window."""
    _held: frozenset[str] = frozenset()

    def update(self, held: Collection[str], camera: tuple[float, float], *, is_open: bool) -> None:
        """Note an action, and whether a screen is open after it."""
        pressed = frozenset(held) - self._held
        if self.is_open and is_open:
            (x, y), (pitch, yaw) = self.position, camera
            x, y = x + yaw * PIXELS_PER_DEGREE, y + pitch * PIXELS_PER_DEGREE
            self.position = (min(max(x, 0.0), WINDOW_WIDTH - 1.0), min(max(y, 0.0), WINDOW_HEIGHT - 1.0))
        else:
            self.position = MIDDLE
            self.is_inventory = is_open and "inventory" in pressed
        self.is_open, self._held = is_open, frozenset(held)

    def info(self) -> dict[str, Any]:
        """What VPT's recorder notes of a screen."""
        return screen_info(is_open=self.is_open, is_inventory=self.is_inventory, cursor=self.position)
