"""The record of what the player has obtained."""

from collections import Counter
from dataclasses import dataclass, field

from env.voxel.land.blocks import item_name

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

    def gain(self, number: int, count: int, *, tick: int) -> None:
        """Note that items came to the player."""
        for name in _names(number):
            self.milestones.setdefault(name, tick)
            self._net[name] += count
            self.most[name] = max(self.most[name], self._net[name])

    def lose(self, number: int, count: int) -> None:
        """Note that items left the player into the world, from where they can come back."""
        for name in _names(number):
            self._net[name] -= count


def _names(number: int) -> list[str]:
    name = item_name(number)
    return [name, *(kind for kind in KINDS if name.endswith(f"_{kind}"))]
