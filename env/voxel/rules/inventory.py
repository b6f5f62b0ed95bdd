"""What the player carries: 36 slots, the first nine of them the hotbar."""

from collections.abc import Mapping

from env.errors import GhostkeysError
from env.voxel.rules.slots import Slots, known_item

HOTBAR_SIZE = 9
SIZE = 36


class Inventory(Slots):
    """36 slots of stacked items; slots 0 to 8 are the hotbar."""

    CAPACITY = 64 * SIZE
    """Items that fit at most."""

    def __init__(self, contents: Mapping[str, int] | None = None) -> None:
        super().__init__(SIZE)
        for name, count in (contents or {}).items():
            if self.add(known_item(name), count):
                raise GhostkeysError(f"inventory: {count} {name} and what came before do not fit into {SIZE} slots.")
