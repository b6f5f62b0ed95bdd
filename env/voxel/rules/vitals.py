"""Health, hunger and breath, by Minecraft 1.16's rules for the hard difficulty (MineRL's)."""

from dataclasses import dataclass
from math import ceil

MAX_HEALTH, MAX_FOOD, MAX_AIR = 20, 20, 300
SPRINT_FOOD = 6
"""One sprints with more food than this."""
SAFE_FALL = 3.0
SPRINT_PER_METRE, JUMP, SPRINT_JUMP, MINE = 0.1, 0.05, 0.2, 0.005
"""Exhaustion; 4 cost half a drumstick, or first a point of saturation."""
_FULL_REGENERATION, _REGENERATION = 10, 80  # ticks a heart takes, saturated and not


@dataclass
class Vitals:
    """A player's health, food, saturation and breath."""

    health: float = float(MAX_HEALTH)
    """Half hearts."""
    food: int = MAX_FOOD
    """Half drumsticks."""
    saturation: float = 5.0
    air: int = MAX_AIR
    """Ticks of breath left under water; below zero one drowns."""
    exhaustion: float = 0.0
    _timer: int = 0

    @property
    def alive(self) -> bool:
        """Whether there is any health left."""
        return self.health > 0.0

    def hurt(self, amount: float) -> None:
        """Lose health."""
        self.health = max(self.health - amount, 0.0)

    def fall(self, distance: float) -> None:
        """Land after falling some blocks."""
        self.hurt(max(ceil(distance - SAFE_FALL), 0))

    def eat(self, food: int, saturation: float) -> None:
        """Still hunger; saturation never exceeds food."""
        self.food = min(self.food + food, MAX_FOOD)
        self.saturation = min(self.saturation + saturation, float(self.food))

    def exhaust(self, amount: float) -> None:
        """Spend strength."""
        self.exhaustion = min(self.exhaustion + amount, 40.0)

    def tick(self, *, head_in_water: bool) -> None:
        """One tick of breathing, hunger and healing."""
        self._breathe(head_in_water)
        if self.exhaustion > 4.0:
            self.exhaustion -= 4.0
            if self.saturation > 0.0:
                self.saturation = max(self.saturation - 1.0, 0.0)
            else:
                self.food = max(self.food - 1, 0)
        self._heal_or_starve()

    def _breathe(self, head_in_water: bool) -> None:
        if not head_in_water:
            self.air = min(self.air + 4, MAX_AIR)
            return
        self.air -= 1
        if self.air <= -20:
            self.air = 0
            self.hurt(2.0)

    def _heal_or_starve(self) -> None:
        wounded = 0.0 < self.health < MAX_HEALTH
        saturated = wounded and self.saturation > 0.0 and self.food >= MAX_FOOD
        heals, starves = wounded and self.food >= MAX_FOOD - 2, self.food <= 0
        self._timer = self._timer + 1 if saturated or heals or starves else 0
        if self._timer < (_FULL_REGENERATION if saturated else _REGENERATION):
            return
        self._timer = 0
        if starves:
            self.hurt(1.0)
            return
        strength = min(self.saturation, 6.0) if saturated else 6.0
        self.health = min(self.health + strength / 6.0, MAX_HEALTH)
        self.exhaust(strength)
