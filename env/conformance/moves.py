"""Checks of the keys that move the player."""

import numpy as np

from env.conformance.finding import Finding
from env.conformance.probe import CheckSkipped, Probe
from env.conformance.view import wrapped


def walking(probe: Probe) -> Finding:
    """The direction in which each of the four keys moves the player, beside where the player looks."""
    expected = {"forward": 0.0, "right": 90.0, "back": 180.0, "left": -90.0}
    found = {key: _direction(probe, key, expected=angle) for key, angle in expected.items()}
    seen = {key: angle for key, angle in found.items() if angle is not None}
    if not seen:
        raise CheckSkipped("the player is hemmed in: no key moved it by half a block")
    text = ", ".join(f"{key} {angle:+.0f}°" for key, angle in seen.items())
    blocked = [key for key in found if key not in seen]
    text += f" ({', '.join(blocked)}: something is in the way)" if blocked else ""
    return Finding(text, all(_near(angle, expected[key]) for key, angle in seen.items()))


def _near(angle: float, expected: float) -> bool:
    return abs(wrapped(angle - expected)) < 30.0


def _direction(probe: Probe, key: str, *, expected: float) -> float | None:
    """Degrees to the right of the view in which a key moves the player; None if it is blocked on all sides.

    Where it moves otherwise than expected, which may be along a wall, it is tried in three other directions.
    """
    angle = None
    for _ in range(4):
        start = probe.position
        for _ in range(5):
            probe.step(key)
        probe.wait()
        east, _, south = probe.position - start
        if np.hypot(east, south) > 0.5:
            # Minecraft's yaw is 0 to the south and 90 to the west.
            angle = wrapped(float(np.degrees(np.arctan2(-east, south))) - probe.yaw)
            if _near(angle, expected):
                return angle
        probe.turn(yaw=90.0)
    return angle


def jumping(probe: Probe) -> Finding:
    """How high the feet get with `jump`."""
    probe.wait(20)
    start = probe.position[1]
    heights = []
    for _ in range(8):
        probe.step("jump")
        heights.append(probe.position[1] - start)
    probe.wait(20)
    return Finding(f"up by {max(heights):.2f} blocks", 0.1 < max(heights) < 2.0)
