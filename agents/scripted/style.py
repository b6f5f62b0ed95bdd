"""How a scripted player plays: the speed of its hands and its habits."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Style:
    """One way of playing. Times are in ticks of 1/20 s, angles in degrees; a pair is a range drawn from evenly."""

    reaction: tuple[int, int]
    """Delay of a key or mouse movement after its cause."""
    stroke_speed: tuple[float, float]
    """Peak speed of a long mouse stroke, degrees a tick."""
    overshoot: float
    """Spread of a stroke's length around the length meant, as a fraction."""
    tremor: float
    """Chance, a tick, of a stray mouse pixel."""
    sprint: float
    """Chance that a long walk is sprinted."""
    hop: float
    """Chance, a tick of walking, to begin a hop."""
    sneak: float
    """Chance, a tick of walking, to sneak for a while."""
    sneak_building: float
    """Chance to sneak while placing blocks."""
    sidestep: float
    """Chance, a tick of walking, to go on sideways or backwards for a while, looking elsewhere."""
    glance: float
    """Chance, a tick of walking, to look away for a moment."""
    logs: tuple[int, int]
    """Blocks taken from one tree."""
    tree: float
    """Chance to go to a tree next, rather than to roam."""
    stroll: tuple[int, int]
    """Length of a roaming walk, in cells of its path."""
    habits_between: tuple[int, int]
    """How many habits are shown between two walks."""
    habits: Mapping[str, float]
    """Weight of each habit (methods of `Habits`) between walks."""
    kit: Mapping[str, int] = field(default_factory=dict)
    """What some episodes begin with in the inventory, so that there is something to place."""
    kit_chance: float = 0.0
    """Chance that an episode begins with the kit."""


STYLES: Mapping[str, Style] = {
    # A steady tree chopper: walks up with the crosshair on the trunk and holds attack until it breaks.
    "gatherer": Style(
        reaction=(1, 3),
        stroke_speed=(6.0, 8.5),
        overshoot=0.05,
        tremor=0.04,
        sprint=0.8,
        hop=0.012,
        sneak=0.006,
        sneak_building=0.3,
        sidestep=0.02,
        glance=0.004,
        logs=(1, 3),
        tree=0.85,
        stroll=(8, 16),
        habits_between=(2, 3),
        habits={
            "strafe": 4, "step_back": 4, "creep": 2, "hop": 2, "place": 6, "look": 0.3, "dig": 0.6, "pause": 0.3,
            "change_slot": 0.1, "throw": 0.1,
        },
        kit={"dirt": 64},
        kit_chance=0.5,
    ),
    # A restless wanderer who uses every key.
    "explorer": Style(
        reaction=(0, 2),
        stroke_speed=(3.5, 9.0),
        overshoot=0.09,
        tremor=0.08,
        sprint=0.6,
        hop=0.045,
        sneak=0.008,
        sneak_building=0.3,
        sidestep=0.035,
        glance=0.02,
        logs=(1, 2),
        tree=0.4,
        stroll=(6, 18),
        habits_between=(2, 4),
        habits={
            "strafe": 3, "step_back": 6, "creep": 1.5, "hop": 1.5, "place": 14, "pillar": 2, "look": 1, "dig": 2,
            "change_slot": 1, "throw": 0.5, "pause": 0.5,
        },
        kit={"dirt": 64, "oak_planks": 64, "cobblestone": 64},
        kit_chance=0.7,
    ),
}  # fmt: skip
