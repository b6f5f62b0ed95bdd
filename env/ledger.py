"""The record of what the player has obtained."""

from collections import Counter
from dataclasses import dataclass, field

KINDS = ("log", "planks", "sapling")
"""Kinds that any wood belongs to: an oak_log counts as "log" too."""


@dataclass
class Ledger:
    """What was obtained by picking up, crafting and smelting, by item and by kind of item."""

    milestones: dict[str, int] = field(default_factory=dict)
    """Tick at which each was first obtained."""
    most: Counter[str] = field(default_factory=Counter)
    """The most of each that was ever obtained in all, less what had been given away by then.

    What is thrown or placed and taken back is not obtained twice; what is used up in crafting stays obtained.
    """
    _net: Counter[str] = field(default_factory=Counter)

    def gain(self, name: str, count: int, *, tick: int) -> None:
        """Note that items came to the player."""
        for each in names_of(name):
            self.milestones.setdefault(each, tick)
            self._net[each] += count
            self.most[each] = max(self.most[each], self._net[each])

    def hold(self, name: str, count: int, *, tick: int) -> None:
        """Note that so many of an item, or of a kind, are there and were obtained, however they came."""
        if count > 0:
            self.milestones.setdefault(name, tick)
            self.most[name] = max(self.most[name], count)

    def lose(self, name: str, count: int) -> None:
        """Note that items left the player into the world, from where they can come back."""
        for each in names_of(name):
            self._net[each] -= count


def names_of(name: str) -> list[str]:
    """An item's own name and the kinds it belongs to."""
    return [name, *(kind for kind in KINDS if name.endswith(f"_{kind}"))]
