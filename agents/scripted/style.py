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
    kit_kinds: tuple[int, int] | None = None
    """How many kinds of the kit an episode begins with, drawn with their order and number; None gives all of it."""
    flick: float = 0.0
    """Chance that a far movement of the view is a flick."""
    flick_speed: tuple[float, float] = (9.0, 9.9)
    """Peak speed of a flick, degrees a tick."""
    fidgets: Mapping[str, float] = field(default_factory=dict)
    """Times a minute that a key is tapped beside whatever else is done: a button's name, or "hotbar" for any slot."""
    sensitivity: float = 1.0
    """How far the mouse goes for a movement of the hand, an ordinary one being 1: the farther, the less steady."""
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
