"""What the player of Minecraft has obtained, told from the game's statistics and the inventory."""

from collections import Counter
from collections.abc import Iterable, Mapping

from env.ledger import Ledger, names_of

GAINS = ("pickup", "craft_item")
"""Minecraft's statistics of what came to the player; smelting counts as crafting."""
LOSSES = ("drop", "use_item")
"""Of what left the player; a block is used when it is placed."""
_TOOLS = ("_pickaxe", "_axe", "_shovel", "_hoe", "_sword")

Statistics = Mapping[str, Mapping[str, int]]


class Progress:
    """Feeds the ledger of the embedded world's tasks.

    What is in the inventory, beyond what the episode began with, counts as obtained even where the statistics are late
    or missing. Without statistics the most of an item that was ever held at once counts.
    """

    def __init__(self, statistics: Statistics, inventory: Mapping[str, int]) -> None:
        self.ledger = Ledger()
        self._statistics = statistics
        self._at_start = _with_kinds(inventory.items())

    def update(self, statistics: Statistics, inventory: Mapping[str, int], *, tick: int) -> None:
        """Note what has changed after `tick` actions."""
        for name, count in _increases(self._statistics, statistics, LOSSES).items():  # a tick's hands come first
            if not name.endswith(_TOOLS):  # used, and not used up
                self.ledger.lose(name, count)
        for name, count in _increases(self._statistics, statistics, GAINS).items():
            self.ledger.gain(name, count, tick=tick)
        self._statistics = statistics
        for name, count in _with_kinds(inventory.items()).items():
            self.ledger.hold(name, count - self._at_start[name], tick=tick)


def _increases(before: Statistics, after: Statistics, names: Iterable[str]) -> Counter[str]:
    """How much each item's counts grew, over all statistics of those names."""
    grown: Counter[str] = Counter()
    for statistic in names:
        known = before.get(statistic, {})
        for item, count in after.get(statistic, {}).items():
            grown[item] += max(0, count - known.get(item, 0))
    return +grown


def _with_kinds(inventory: Iterable[tuple[str, int]]) -> Counter[str]:
    """Counts by item and by kind of item."""
    counts: Counter[str] = Counter()
    for item, count in inventory:
        if item != "air":
            for name in names_of(item):
                counts[name] += count
    return counts
