"""Keys that leave no trace in the picture: what no inverse dynamics model can find, and no score should be held to.

They are those of Minecraft 1.16 as far as the embedded world goes, where a test presses each of them and compares the
frames. Recordings hold them like any other key, and scores count them.
"""

from collections.abc import Mapping
from types import MappingProxyType

INVISIBLE_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sprint": ("while sprinting already", "without forward", "while sneaking", "in water", "with 6 food or less"),
        "jump": ("in the air",),
        "attack": ("held on at the air",),
        "use": ("with nothing to open, place or eat",),
        "drop": ("with an empty hand", "held on"),
        "hotbar.*": ("of the slot in the hand",),
        "inventory": ("held on",),
        "forward, back, left, right": ("with their opposite", "behind a screen"),
        "jump, sprint, sneak": ("behind a screen, but for sneak and sprint with a click or drop",),
    }
)
"""When each of VPT's buttons cannot be seen. The camera cannot where the view points straight up or down, nor where
the cursor is at the edge of the window; MineRL's other keys (ESC without a screen, pickItem, swapHands) never can."""


def note() -> str:
    """One line for those who read a score."""
    keys = "; ".join(f"{key} {' or '.join(when)}" for key, when in INVISIBLE_KEYS.items())
    return f"scores count keys that no picture shows: {keys}"
