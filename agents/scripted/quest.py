"""Working towards the items that a style wants to have: one step of the plan after the other."""

from collections.abc import Generator, Iterator, Sequence

from agents.scripted.body import Body
from agents.scripted.crafting import Crafter
from agents.scripted.goals import PICKAXES, TABLE, Step, needs_table, plan
from agents.scripted.human_input import NONE, Keys
from agents.scripted.item_kinds import count_kinds, hotbar_slot
from agents.scripted.mining import Miner
from agents.scripted.pointer import Pointer
from agents.scripted.woods import Woodcutter
from agents.scripted.workbench import Workbench


class Quest:
    """Finds, crafts and mines what leads to the goals.

    The plan is made anew from what is carried before each step, so whatever goes wrong is tried again.
    """

    def __init__(self, body: Body, *, woods: Woodcutter, miner: Miner, bench: Workbench) -> None:
        self._body = body
        self._woods, self._miner, self._bench = woods, miner, bench
        self._pointer = Pointer(body)
        self._crafter = Crafter(body, self._pointer)
        self._table_first = bool(body.rng.random() < 0.5)
        self._reserve = int(body.rng.integers(*body.style.reserve, endpoint=True))

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to make."""
        return not self._plan()

    def advance(self) -> Generator[Keys, None, bool]:
        """Takes the next step of the plan, or tries to; returns whether that brought anything."""
        step = self._plan()[0]
        if step.item == "log":
            return (yield from self._gather())
        if step.item == "cobblestone":
            return (yield from self._mine(step.count))
        return (yield from self._craft())

    def _plan(self) -> tuple[Step, ...]:
        """What is still to be done. At first some more logs than needed, as one does not like to come back for them."""
        have = count_kinds(self._body.inventory)
        have[TABLE] += self._bench.nearest() is not None
        milestones = self._body.game.milestones
        goal = next((goal for goal in self._body.style.goals if goal not in milestones and not have[goal]), None)
        if goal is None:
            return ()
        steps = plan(goal, have, table_first=self._table_first)
        if have["log"] >= self._reserve or "planks" in milestones:
            self._reserve = 0
        return (Step("log", self._reserve), *steps) if self._reserve else steps

    def _gather(self) -> Generator[Keys, None, bool]:
        """Takes logs from a tree; without one in reach it makes do with what there is, or looks farther."""
        if (yield from self._woods.fell()):
            return True
        yield NONE
        if self._reserve:
            self._reserve = 0
            return True
        start = self._body.position
        yield from self._woods.seek() if self._body.outside else self._miner.climb_out()
        return self._body.distance(start) > 1.0

    def _mine(self, count: int) -> Generator[Keys, None, bool]:
        """Mines what is needed, and a little more."""
        extra = int(self._body.rng.integers(*self._body.style.extra_stone, endpoint=True))
        yield from self._find_in_inventory(PICKAXES)
        return (yield from self._miner.mine(count + extra))

    def _craft(self) -> Generator[Keys, None, bool]:
        """Crafts all that can be crafted now, in the inventory's small grid or at a table; returns whether anything."""
        at_table = self._wants_table()
        if at_table and self._bench.nearest() is None:
            yield from self._find_in_inventory((TABLE,))
        is_open = yield from (self._bench.open() if at_table else self._pointer.open_inventory())
        yield from self._pointer.look_over()
        made: list[str] = []
        while is_open:
            step = next(iter(self._plan()), None)
            if step is None or not step.crafted or self._wants_table() != at_table:
                break
            if not (yield from self._crafter.make(step.item, step.count)):
                break
            made.append(step.item)
        for kind in (TABLE, *PICKAXES):
            yield from self._crafter.bring_to_hotbar(kind)
        yield from self._pointer.close()
        # In a shaft a table would block the way.
        if at_table and made and (not self._body.outside or self._body.rng.random() < self._body.style.take_table):
            yield from self._bench.take_along()
        return bool(made)

    def _find_in_inventory(self, kinds: Sequence[str]) -> Iterator[Keys]:
        """Brings one of these items from the inventory to the hotbar, where it can be taken in hand."""
        inventory = self._body.inventory
        if any(hotbar_slot(inventory, kind) is not None for kind in kinds):
            return
        if any(count_kinds(inventory)[kind] for kind in kinds) and (yield from self._pointer.open_inventory()):
            for kind in kinds:
                yield from self._crafter.bring_to_hotbar(kind)
            yield from self._pointer.close()

    def _wants_table(self) -> bool:
        """Whether one of the next things to craft needs a table, and there is one."""
        have = count_kinds(self._body.inventory)[TABLE] > 0 or self._bench.nearest() is not None
        for step in self._plan():
            if not step.crafted:
                return False
            if needs_table(step.item):
                return have
        return False
