"""How a scripted player plays: the speed of its hands and its habits."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Clicks:
    """How someone clicks in the inventory; each is a chance."""

    shift: float = 0.5
    """To send things over with shift, rather than to carry them."""
    number: float = 0.2
    """To use the number keys where they serve."""
    drag: float = 0.3
    """To spread a stack over the grid by dragging, rather than by a click on each slot."""
    slip: float = 0.03
    """To click beside the slot that was meant."""
    wander: float = 0.3
    """To move the cursor over some slots before the first click."""


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
    sensitivity: float = 1.0
    """How far the mouse goes for a movement of the hand, by an ordinary mouse: farther is quicker and less steady."""
    goals: tuple[str, ...] = ()
    """Items to make, one after the other, before anything else."""
    reserve: tuple[int, int] = (4, 6)
    """Logs to have before the first is made into planks."""
    extra_stone: tuple[int, int] = (0, 3)
    """Cobblestone to mine beyond what is needed."""
    take_table: float = 0.4
    """Chance to take the crafting table along after use."""
    mine: float = 0.0
    """Chance, when the goals are reached, to dig for a while next."""
    clicks: Clicks = Clicks()
    """Manners in the inventory."""
    episode_ticks: int = 1200
    """Length of a recording, in ticks, that shows what the style is about."""


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
    # Goes for tools without delay: from the first log to stone tools, with shift-clicks and a lively mouse.
    "crafter": Style(
        reaction=(1, 3),
        stroke_speed=(5.0, 8.5),
        overshoot=0.06,
        tremor=0.05,
        sprint=0.85,
        hop=0.015,
        sneak=0.002,
        sneak_building=0.3,
        sidestep=0.01,
        glance=0.006,
        logs=(3, 5),
        tree=0.5,
        stroll=(8, 16),
        habits_between=(0, 1),
        habits={"strafe": 3, "step_back": 1, "hop": 3, "look": 3, "pause": 2, "creep": 0.5, "change_slot": 0.5},
        sensitivity=1.2,
        goals=("wooden_pickaxe", "stone_pickaxe", "stone_axe", "furnace"),
        mine=0.5,
        clicks=Clicks(shift=0.75, number=0.25, drag=0.3),
        episode_ticks=6000,
    ),
}  # fmt: skip
