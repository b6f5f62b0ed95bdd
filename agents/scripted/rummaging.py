"""Looking through the inventory for a moment, and moving things about in it."""

from collections.abc import Iterator

from agents.scripted.body import Body
from agents.scripted.human_input import NONE, Keys
from agents.scripted.pointer import Pointer
from env.voxel.rules.inventory import HOTBAR_SIZE
from env.voxel.rules.menu import Menu, Place

_MOVES = {"_point": 3.0, "_carry": 4.0, "_halve": 1.5, "_send": 3.0, "_exchange": 2.5, "_spread": 1.0, "_drop": 0.3}
"""Weight of each thing to do with a stack."""


class Rummager:
    """Opens the inventory without a purpose, and closes it with the inventory's key."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._rng = body.rng
        self._pointer = Pointer(body)
        self._chances = [weight / sum(_MOVES.values()) for weight in _MOVES.values()]

    def rummage(self, ticks: int) -> Iterator[Keys]:
        """Spends about so many ticks in the inventory, and what the last movement takes beyond."""
        end = self._body.game.tick + ticks
        if not (yield from self._pointer.open_inventory()):
            return
        yield from self._pointer.look_over()
        while (menu := self._pointer.menu) is not None and self._body.game.tick < end:
            move = str(self._rng.choice(list(_MOVES), p=self._chances))
            yield from self._pause()
            filled = [place for place in _slots(menu) if place.stack]
            if filled:
                yield from getattr(self, move)(menu, filled[self._rng.integers(len(filled))])
            yield from self._put_away(menu)
        while self._body.screen is not None:
            yield from self._pointer.close()

    def _pause(self) -> Iterator[Keys]:
        for _ in range(self._rng.integers(1, 6)):
            yield NONE

    def _point(self, _: Menu, place: Place) -> Iterator[Keys]:
        yield from self._pointer.rest_on(place)

    def _carry(self, menu: Menu, place: Place) -> Iterator[Keys]:
        """Takes a stack to another slot; what lies there comes onto the cursor."""
        yield from self._pointer.click(place)
        yield from self._pointer.click(self._any(_slots(menu)))

    def _halve(self, menu: Menu, place: Place) -> Iterator[Keys]:
        """Takes half of a stack to a free slot, or lays a single one there."""
        free = [other for other in _slots(menu) if not other.stack]
        if free:
            yield from self._pointer.click(place, button="use")
            yield from self._pointer.click(self._any(free), button="use" if self._rng.random() < 0.5 else "attack")

    def _send(self, _: Menu, place: Place) -> Iterator[Keys]:
        """Sends a stack between hotbar and the rest with shift."""
        yield from self._pointer.click(place, shift=True)

    def _exchange(self, _: Menu, place: Place) -> Iterator[Keys]:
        """Exchanges a stack with a slot of the hotbar by the slot's number."""
        yield from self._pointer.press_number(place, int(self._rng.integers(HOTBAR_SIZE)))

    def _spread(self, menu: Menu, place: Place) -> Iterator[Keys]:
        """Drags a stack over a few free slots side by side."""
        free = [other for other in _slots(menu) if not other.stack]
        if len(free) > 1 and place.stack.count > 1:
            first = int(self._rng.integers(len(free) - 1))
            yield from self._pointer.click(place)
            button = "use" if self._rng.random() < 0.5 else "attack"
            yield from self._pointer.drag(free[first : first + int(self._rng.integers(2, 5))], button=button)

    def _drop(self, _: Menu, place: Place) -> Iterator[Keys]:
        """Throws one of a stack out."""
        yield from self._pointer.press_over(place, "drop")

    def _put_away(self, menu: Menu) -> Iterator[Keys]:
        """Lays what is on the cursor where there is room, if there is any."""
        for _ in range(3):
            if self._pointer.menu is not menu or not menu.carried:
                return
            free = [place for place in _slots(menu) if not place.stack]
            if not free:
                return
            yield from self._pointer.click(self._any(free))

    def _any(self, places: list[Place]) -> Place:
        return places[self._rng.integers(len(places))]


def _slots(menu: Menu) -> list[Place]:
    """The slots of the inventory, without those of the grid."""
    return [place for place in menu.places if place.role in ("main", "hotbar")]
