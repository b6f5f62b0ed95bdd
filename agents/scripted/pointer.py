"""The mouse in an open screen: moves the cursor to slots, and clicks."""

from collections.abc import Callable, Generator, Iterator, Sequence

from agents.scripted.body import Body
from agents.scripted.human_input import NONE, Keys
from env.voxel.rules.menu import SPACING, Menu, Place
from env.voxel.rules.screen import PIXELS_PER_DEGREE, Screen

SHIFT: Keys = frozenset({"sneak"})
INVENTORY: Keys = frozenset({"inventory"})
_PATIENCE = 30
"""Ticks that a key press, or a movement of the mouse, may take."""


class Pointer:
    """Opens and closes screens, points at their slots and clicks there, with human delays and slips."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._rng = body.rng
        self._manner = body.style.clicks

    @property
    def menu(self) -> Menu | None:
        """What is open."""
        screen = self._body.screen
        return None if screen is None else screen.menu

    def open_inventory(self) -> Generator[Keys, None, bool]:
        """Opens the player's own inventory; returns whether it is open."""
        yield from self._until(lambda: self._body.screen is not None, INVENTORY)
        yield from self._until(lambda: not INVENTORY & self._body.keyboard.down, NONE)
        return self._body.screen is not None

    def close(self) -> Iterator[Keys]:
        """Closes whatever is open."""
        if self._body.screen is not None:
            yield from self._react()
            yield from self._until(lambda: self._body.screen is None, INVENTORY)
            yield from self._until(lambda: not INVENTORY & self._body.keyboard.down, NONE)

    def look_over(self) -> Iterator[Keys]:
        """Takes the screen in; sometimes the cursor wanders over things on the way."""
        screen = self._body.screen
        if screen is None:
            return
        yield from self._wait(2, 8)
        filled = [place for place in screen.menu.places if place.stack]
        while filled and self._rng.random() < self._manner.wander:
            yield from self._point_at(screen, filled[self._rng.integers(len(filled))])
            yield from self._wait(0, 6)

    def click(self, place: Place, *, button: str = "attack", shift: bool = False) -> Iterator[Keys]:
        """Clicks on a slot, or, when the hand slips, on one beside it."""
        screen = self._body.screen
        if screen is None:
            return
        if self._rng.random() < self._manner.slip:
            place = self._beside(screen, place)
        yield from self._point_at(screen, place)
        yield from self._react()
        held = SHIFT if shift else NONE
        yield from self._until(lambda: held <= self._body.keyboard.down, held)
        yield from self._press(frozenset({button}), held=held)
        yield from self._until(lambda: not SHIFT & self._body.keyboard.down, NONE)

    def press_number(self, place: Place, slot: int) -> Iterator[Keys]:
        """Presses the key of a hotbar slot, 0 to 8, with the cursor on a slot: the two change places."""
        yield from self.press_over(place, f"hotbar.{slot + 1}")

    def press_over(self, place: Place, key: str) -> Iterator[Keys]:
        """Presses a key with the cursor on a slot."""
        screen = self._body.screen
        if screen is not None:
            yield from self._point_at(screen, place)
            yield from self._react()
            yield from self._press(frozenset({key}))

    def rest_on(self, place: Place) -> Iterator[Keys]:
        """Moves the cursor onto a slot and leaves it there for a moment."""
        screen = self._body.screen
        if screen is not None:
            yield from self._point_at(screen, place)
            yield from self._wait(1, 8)

    def drag(self, places: Sequence[Place], *, button: str) -> Iterator[Keys]:
        """Holds a button while the cursor goes from slot to slot."""
        screen = self._body.screen
        if screen is None:
            return
        held: Keys = frozenset({button})
        yield from self._point_at(screen, places[0])
        yield from self._react()
        yield from self._until(lambda: held <= self._body.keyboard.down, held)
        for place in places[1:]:
            yield from self._point_at(screen, place, held=held)
        yield from self._until(lambda: not held & self._body.keyboard.down, NONE)

    def _point_at(self, screen: Screen, place: Place, *, held: Keys = NONE) -> Iterator[Keys]:
        """Moves the cursor until it rests on a slot, somewhere about its middle."""
        at = screen.position_of(place) + self._rng.normal(0.0, 2.0, 2).clip(-4.0, 4.0)
        x, y = at.tolist()
        self._body.mouse.aim(x / PIXELS_PER_DEGREE, y / PIXELS_PER_DEGREE, tolerance=0.5)
        yield from self._until(
            lambda: (
                self._body.screen is not screen
                or (self._body.mouse.settled and screen.place_at(*screen.cursor) == place)
            ),
            held,
        )

    def _beside(self, screen: Screen, place: Place) -> Place:
        """A slot next to one; never a result, which would be crafted."""
        beside = [
            other
            for other in screen.menu.places
            if other.role != "result" and 0 < abs(other.x - place.x) + abs(other.y - place.y) <= SPACING
        ]
        return beside[self._rng.integers(len(beside))] if beside else place

    def _press(self, keys: Keys, *, held: Keys = NONE) -> Iterator[Keys]:
        """Presses keys and lets them go, while others are held."""
        keyboard = self._body.keyboard
        yield from self._until(lambda: keys <= keyboard.down, keys | held)
        yield from self._until(lambda: not keys & keyboard.down, held)

    def _react(self) -> Iterator[Keys]:
        yield from self._wait(*self._body.style.reaction)

    def _wait(self, least: int, most: int) -> Iterator[Keys]:
        for _ in range(self._rng.integers(least, most, endpoint=True)):
            yield NONE

    def _until(self, done: Callable[[], bool], keys: Keys) -> Iterator[Keys]:
        """Wants these keys until something has come about, or patience ends."""
        for _ in range(_PATIENCE):
            if done():
                return
            yield keys
