"""Kinds of item in an inventory: any wood's log counts as `log`."""

from collections import Counter

from env.ledger import KINDS
from env.voxel.land.blocks import item_name
from env.voxel.rules.inventory import HOTBAR_SIZE, Inventory
from env.voxel.rules.slots import Slots


def kind_of(item: int) -> str:
    """The kind that an item counts as: "log" for an oak_log, its own name for most; "air" for none."""
    name = item_name(item)
    return next((kind for kind in KINDS if name.endswith(f"_{kind}")), name)


def count_kinds(slots: Slots) -> Counter[str]:
    """How many of each kind lie in the slots."""
    kinds: Counter[str] = Counter()
    for slot in range(len(slots)):
        if stack := slots[slot]:
            kinds[kind_of(stack.item)] += stack.count
    return kinds


def hotbar_slot(inventory: Inventory, kind: str) -> int | None:
    """The first slot of the hotbar, 0 to 8, that holds a kind of item."""
    return next((slot for slot in range(HOTBAR_SIZE) if kind_of(int(inventory.items[slot])) == kind), None)


def empty_hotbar_slots(inventory: Inventory) -> list[int]:
    """The slots of the hotbar that hold nothing."""
    return [slot for slot in range(HOTBAR_SIZE) if inventory.counts[slot] == 0]
