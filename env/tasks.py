"""Tasks: what an agent is rewarded for, and when it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from env.ledger import Ledger


@dataclass(frozen=True)
class Reward:
    """What obtaining an item is worth."""

    quantity: int
    """How many are rewarded at all."""
    each: float


VPT_REWARDS: Mapping[str, Reward] = MappingProxyType(
    {
        "log": Reward(8, 1 / 8),
        "planks": Reward(20, 1 / 20),
        "stick": Reward(16, 1 / 16),
        "crafting_table": Reward(1, 1.0),
        "wooden_pickaxe": Reward(1, 1.0),
        "cobblestone": Reward(11, 1 / 11),
        "stone_pickaxe": Reward(1, 1.0),
        "furnace": Reward(1, 1.0),
        "coal": Reward(5, 2 / 5),
        "torch": Reward(16, 1 / 8),
        "iron_ore": Reward(3, 4 / 3),
        "iron_ingot": Reward(3, 4 / 3),
        "iron_pickaxe": Reward(1, 4.0),
        "diamond": Reward(1, 8 / 3),
        "diamond_pickaxe": Reward(1, 8.0),
    }
)
"""The rewards of VPT's reinforcement learning (arXiv 2206.11795, appendix on RL fine-tuning), in the order of its tech
tree."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Obtain an item; what leads to it is rewarded."""

    goal: str
    """The item that ends the episode."""
    rewards: Mapping[str, Reward]

    def total(self, ledger: Ledger) -> float:
        """The reward of everything obtained so far; it never falls."""
        return sum(reward.each * min(ledger.most[name], reward.quantity) for name, reward in self.rewards.items())

    def done(self, ledger: Ledger) -> bool:
        """Whether the goal is obtained."""
        return self.goal in ledger.milestones


def _up_to(goal: str) -> Task:
    names = list(VPT_REWARDS)
    return Task(goal=goal, rewards={name: VPT_REWARDS[name] for name in names[: names.index(goal) + 1]})


TASKS: Mapping[str, Task] = {goal: _up_to(goal) for goal in ("stone_pickaxe", "diamond_pickaxe")}
"""The tasks by their goals; VPT's table up to the goal."""

DIAMOND_SHOVEL = Task(
    goal="diamond_shovel",
    rewards={name: reward for name, reward in VPT_REWARDS.items() if name != "diamond_pickaxe"}
    | {"diamond_shovel": VPT_REWARDS["diamond_pickaxe"]},
)
"""MineRL's task of that name by VPT's table, the shovel in the place of the diamond pickaxe."""
