"""What one frame shows: the hand-over from the game (which fills it) to the renderer (which draws it)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from env.voxel.rules.slots import EMPTY, Stack


@dataclass(frozen=True)
class ScreenView:
    """What a frame shows of the open screen. Slots are told by (x, y) of their picture in the panel."""

    kind: str
    """"inventory", "crafting_table" or "furnace"."""
    cursor: tuple[float, float]
    """x and y in a window of 640 x 360."""
    slots: tuple[tuple[str, int, int, Stack], ...]
    """Role, x, y and content of each."""
    carried: Stack = EMPTY
    """What the cursor holds."""
    lit: tuple[tuple[int, int], ...] = ()
    """The slots under the cursor and under a drag."""
    flame: int = 0
    """Lines of the furnace's flame that burn, 0 to 14."""
    arrow: int = 0
    """Columns of the furnace's arrow that are filled, 0 to 24."""

    @property
    def below(self) -> tuple[object, ...]:
        """All of it that does not follow the mouse."""
        return self.kind, self.slots, self.flame, self.arrow


@dataclass
class View:
    """Everything besides the blocks that a frame depends on. Positions are in blocks, y up; angles in degrees.

    Yaw and pitch follow Minecraft: yaw 0 looks along +z, 90 along -x; positive pitch looks down.
    """

    eye: tuple[float, float, float]
    """Position of the eye."""
    yaw: float
    pitch: float
    fov: float = 70.0
    """Vertical field of view, sprinting and water included."""
    bob_phase: float = 0.0
    """Distance walked x 0.6; one full step cycle is 2."""
    bob_amount: float = 0.0
    """Strength of the view bob, 0 to 0.1."""
    target: tuple[int, int, int] | None = None
    """The block under the crosshair within reach; it is outlined."""
    crack_stage: int = -1
    """Breaking progress of the target, 0 to 9; -1 shows no crack."""
    swing: float = 0.0
    """Progress of the arm swing, 0 (at rest) to 1."""
    eaten: float = 0.0
    """How far the held item is eaten, 0 (not begun) to 1."""
    equip: float = 1.0
    """How far the hand is raised, 0 (hidden, just after a hotbar change) to 1."""
    held_item: int = 0
    """Item id in the main hand; 0 is the empty hand."""
    hotbar_items: NDArray[np.int32] = field(default_factory=lambda: np.zeros(9, np.int32))
    """Item ids of the nine slots, 0 for empty."""
    hotbar_counts: NDArray[np.int32] = field(default_factory=lambda: np.zeros(9, np.int32))
    hotbar_selected: int = 0
    health: int = 20
    """Half hearts."""
    food: int = 20
    """Half drumsticks."""
    eye_in_water: bool = False
    time_of_day: int = 6000
    """Ticks since sunrise, 0 to 23999; 6000 is noon."""
    drops: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 5), np.float32))
    """Item entities, one a row: x, y, z of the item's centre (bob included), spin in degrees, item id."""
    screen: ScreenView | None = None
    """The open inventory, crafting table or furnace."""
