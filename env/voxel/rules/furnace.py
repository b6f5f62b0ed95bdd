"""A furnace: it burns fuel, and smelts one item in ten seconds, whether anybody watches or not."""

from env.voxel.rules.recipes import FUEL, SMELTING, SMELTING_TICKS
from env.voxel.rules.slots import Slots, Stack

INPUT, FUEL_SLOT, OUTPUT = range(3)


class Furnace(Slots):
    """Three slots (input, fuel, output) and a fire, by the rules of Minecraft 1.16."""

    def __init__(self) -> None:
        super().__init__(3)
        self.heat = 0
        """Ticks that the fire still burns."""
        self.fuel_ticks = 1
        """Ticks that the fuel under fire burns in all."""
        self.smelted = 0
        """Ticks that the item has been in the heat."""

    def __setitem__(self, slot: int, stack: Stack) -> None:
        # Another kind of item begins anew; more of the same goes on.
        if slot == INPUT and stack.item != self.items[INPUT]:
            self.smelted = 0
        super().__setitem__(slot, stack)

    @property
    def fire(self) -> float:
        """How much of the fuel under fire is left, 0 to 1."""
        return self.heat / self.fuel_ticks

    @property
    def progress(self) -> float:
        """How far the item is smelted, 0 to 1."""
        return self.smelted / SMELTING_TICKS

    def tick(self) -> None:
        """One tick of fire and smelting."""
        self.heat = max(self.heat - 1, 0)
        if not self.heat and not (self[FUEL_SLOT] and self[INPUT]):
            self.smelted = max(self.smelted - 2, 0)  # it cools
            return
        can_smelt = self._can_smelt()
        if not self.heat and can_smelt:
            self._light()
        if self.heat and can_smelt:
            self.smelted += 1
            if self.smelted == SMELTING_TICKS:
                self._finish()
        else:
            self.smelted = 0

    def _can_smelt(self) -> bool:
        product = SMELTING.get(int(self.items[INPUT]))
        output = self[OUTPUT]
        return product is not None and (not output or (output.item == product and output.room > 0))

    def _light(self) -> None:
        ticks = FUEL.get(int(self.items[FUEL_SLOT]), 0)
        if ticks:
            self.take(FUEL_SLOT)
            self.heat = self.fuel_ticks = ticks

    def _finish(self) -> None:
        product = Stack(SMELTING[int(self.items[INPUT])], self[OUTPUT].count + 1)
        self.smelted = 0
        self[OUTPUT] = product
        self.take(INPUT)
