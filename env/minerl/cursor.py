"""Which screen is open and where its cursor is: MineRL tells only whether one is open."""

from collections.abc import Collection
from dataclasses import dataclass

WINDOW = (640, 360)
"""Width and height of the game's window, in pixels."""
RECORDED_HEIGHT = 720
"""Of the window in whose pixels VPT's recorder counts."""
PIXELS_PER_DEGREE = 2400 / 360
"""How far the cursor moves for a turn of the camera, with Minecraft's usual sensitivity."""


@dataclass
class Cursor:
    """Follows the actions: the cursor begins in the middle of a screen that opens, and the camera moves it."""

    is_open: bool = False
    is_inventory: bool = False
    """Whether the screen is the player's own inventory: it opened as the inventory key went down."""
    position: tuple[float, float] = (WINDOW[0] / 2, WINDOW[1] / 2)
    """x and y in the game's window."""
    _held: frozenset[str] = frozenset()

    def update(self, held: Collection[str], camera: tuple[float, float], *, is_open: bool) -> None:
        """Note an action, and whether a screen is open after it."""
        pressed = frozenset(held) - self._held
        if self.is_open and is_open:
            (x, y), (pitch, yaw) = self.position, camera
            x, y = x + yaw * PIXELS_PER_DEGREE, y + pitch * PIXELS_PER_DEGREE
            self.position = (min(max(x, 0.0), WINDOW[0] - 1.0), min(max(y, 0.0), WINDOW[1] - 1.0))
        else:
            self.position = (WINDOW[0] / 2, WINDOW[1] / 2)
            self.is_inventory = is_open and "inventory" in pressed
        self.is_open, self._held = is_open, frozenset(held)

    def info(self) -> dict[str, object]:
        """What VPT's recorder notes of a screen."""
        scale = RECORDED_HEIGHT / WINDOW[1]
        x, y = self.position
        return {
            "isGuiOpen": self.is_open,
            "isGuiInventory": self.is_inventory,
            "mouse": {"x": scale * x, "y": scale * y},
        }
