"""The open screen: where the cursor is, and what the keys and the mouse do with the menu below it."""

from dataclasses import dataclass, field
from math import ceil

from env.actions import HOTBAR
from env.voxel.rules.controls import Controls
from env.voxel.rules.furnace import Furnace
from env.voxel.rules.menu import PANEL_HEIGHT, PANEL_WIDTH, PANEL_X, PANEL_Y, WINDOW_HEIGHT, WINDOW_WIDTH, Menu, Place
from env.voxel.rules.physics import Cell
from env.voxel.rules.view import ScreenView

PIXELS_PER_DEGREE = 2400 / 360
"""How far the cursor moves for a turn of the camera."""
DOUBLE_CLICK = 5
"""Ticks; a second click on a slot before that makes a double click."""
CLOSING_KEYS = frozenset({"inventory", "ESC"})
_BUTTONS = ("attack", "use")


@dataclass
class _Drag:
    """A button held down with something on the cursor."""

    button: str
    places: list[Place] = field(default_factory=list)
    double: bool = False
    """Whether it began as the second half of a double click."""


class Screen:
    """A menu, the cursor over it, and the clicks under way.

    What is picked up is picked up when a button goes down; what is put down, when it is let go, so that a drag can
    spread it (Minecraft 1.16).
    """

    def __init__(self, menu: Menu, *, cell: Cell | None = None, furnace: Furnace | None = None) -> None:
        """`cell` is the block that was opened, None for the player's own inventory."""
        self.menu = menu
        self.cell = cell
        self.cursor = (WINDOW_WIDTH / 2.0, WINDOW_HEIGHT / 2.0)
        """x and y in a window of 640 x 360."""
        self._furnace = furnace
        self._drag: _Drag | None = None
        self._held: frozenset[str] = frozenset()
        self._last_click: tuple[Place | None, str, int] = (None, "", 0)
        self._tick = 0

    def place_at(self, x: float, y: float) -> Place | None:
        """The slot at a place in the window; a slot reaches a pixel beyond its picture."""
        x, y = x - PANEL_X, y - PANEL_Y
        inside = (place for place in self.menu.places if -1 <= x - place.x < 17 and -1 <= y - place.y < 17)
        return next(inside, None)

    def position_of(self, place: Place) -> tuple[float, float]:
        """The middle of a slot in the window."""
        return PANEL_X + place.x + 8.0, PANEL_Y + place.y + 8.0

    def tick(self, controls: Controls) -> None:
        """One tick: keys act where the cursor was, then the mouse moves, then its buttons act."""
        self._tick += 1
        self._press_keys(controls)
        x, y = self.cursor
        x, y = x + controls.yaw * PIXELS_PER_DEGREE, y + controls.pitch * PIXELS_PER_DEGREE
        self.cursor = (min(max(x, 0.0), WINDOW_WIDTH - 1.0), min(max(y, 0.0), WINDOW_HEIGHT - 1.0))
        held = controls.held.intersection(_BUTTONS)
        for button in _BUTTONS:
            if button in self._held - held:
                self._release(button)
        for button in _BUTTONS:
            if button in controls.pressed:
                self._press(button, shift="sneak" in controls.held)
        self._held = held
        self._extend_drag()

    def view(self) -> ScreenView:
        """What the next frame shows of the screen."""
        over, drag = self.place_at(*self.cursor), self._drag
        stacks = {place: place.stack for place in self.menu.places}
        carried = self.menu.carried
        if drag is not None and len(drag.places) > 1:
            shares = self.menu.shares(drag.places, singly=drag.button == "use")
            spread = sum(stack.count - stacks[place].count for place, stack in shares.items())
            carried = carried.of(carried.count - spread)
            stacks |= shares
        lit = [over] if over is not None else []
        return ScreenView(
            kind=self.menu.kind,
            cursor=self.cursor,
            carried=carried,
            slots=tuple((place.role, place.x, place.y, stacks[place]) for place in self.menu.places),
            lit=tuple(sorted({(place.x, place.y) for place in (*lit, *(drag.places if drag else ()))})),
            flame=ceil(14 * self._furnace.fire) if self._furnace is not None else 0,
            arrow=int(24 * self._furnace.progress) if self._furnace is not None else 0,
        )

    def _press_keys(self, controls: Controls) -> None:
        """The number keys and the drop key act on the slot under the cursor, while the cursor is empty."""
        over = self.place_at(*self.cursor)
        if over is None or self.menu.carried:
            return
        for slot, name in enumerate(HOTBAR):
            if name in controls.pressed:
                self.menu.swap(over, slot)
        if "drop" in controls.pressed:
            self.menu.throw_from(over, everything="sprint" in controls.held)

    def _press(self, button: str, *, shift: bool) -> None:
        if self._drag is not None:  # the other button is down
            return
        over = self.place_at(*self.cursor)
        place, last, when = self._last_click
        double = over is not None and over is place and button == last and self._tick - when < DOUBLE_CLICK
        self._last_click = (over, button, self._tick)
        if self.menu.carried:
            self._drag = _Drag(button, double=double and button == "attack")
        elif over is not None and shift:
            self.menu.quick_move(over)
        elif over is not None:
            self.menu.pick_up(over, half=button == "use")

    def _extend_drag(self) -> None:
        """A drag takes in the slots that it crosses, as long as there is an item for each."""
        drag, over = self._drag, self.place_at(*self.cursor)
        if drag is None or over is None or over in drag.places or len(drag.places) >= self.menu.carried.count:
            return
        if over.takes_more(self.menu.carried):
            drag.places.append(over)

    def _release(self, button: str) -> None:
        drag, self._drag = self._drag, None
        if drag is None or drag.button != button:
            return
        over = self.place_at(*self.cursor)
        if drag.double and over is not None and over.role != "result":
            self.menu.gather(over)
        elif drag.places:
            self.menu.spread(drag.places, singly=button == "use")
        elif over is not None:
            self.menu.pick_up(over, half=button == "use")
        elif not self._over_panel():
            self.menu.throw(one=button == "use")

    def _over_panel(self) -> bool:
        x, y = self.cursor
        return 0 <= x - PANEL_X < PANEL_WIDTH and 0 <= y - PANEL_Y < PANEL_HEIGHT
