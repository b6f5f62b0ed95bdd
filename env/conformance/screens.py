"""Checks of the inventory: its screen, the screen's cursor, and the items in it."""

import numpy as np

from env.conformance.finding import Finding
from env.conformance.pictures import Grey, changed, grey
from env.conformance.probe import CheckSkipped, Probe
from env.conformance.view import moved_by, wrapped

INVENTORY = {"torch": 8, "cobblestone": 3}
"""What the player is given to check the inventory; the first item goes to the first slot of the hotbar."""
CURSOR = 0.0625
"""Share of the width by which the cursor moves for 6 degrees: 6.67 pixels of 640 a degree."""


def screen_opens(probe: Probe) -> Finding:
    """The key `inventory`, pressed twice."""
    told, before = [probe.screen_open], probe.wait()
    probe.step("inventory")
    opened = changed(before, probe.wait())
    told.append(probe.screen_open)
    probe.step("inventory")
    closed = changed(before, probe.wait())
    told.append(probe.screen_open)
    text = f"isGuiOpen {', '.join(map(str, told))}; {opened:.0%} of the picture changed, {closed:.0%} once closed"
    return Finding(text, told == [False, True, False] and opened > 0.1 and opened > 2.0 * closed)


def view_stays(probe: Probe) -> Finding:
    """The view while the camera moves the cursor."""
    probe.wait(12)
    before = (probe.pitch, probe.yaw)
    probe.step("inventory")
    probe.wait()
    probe.turn(pitch=10.0, yaw=30.0)
    turned = (probe.pitch - before[0], wrapped(probe.yaw - before[1]))
    return Finding(f"pitch {turned[0]:+.1f}, yaw {turned[1]:+.1f}", max(map(abs, turned)) < 0.1)


def cursor(probe: Probe) -> Finding:
    """Where the cursor goes for a turn to the right, by the picture: it is bright, and beside the window."""
    probe.step("inventory")
    probe.turn(yaw=30.0)
    differences = []
    for _ in range(3):
        before = probe.frame
        differences.append(grey(probe.turn(yaw=6.0)) - grey(before))
        probe.turn(yaw=-6.0)
    left = _column(-np.max(differences, axis=0))
    came = _column(np.min(differences, axis=0))
    if left is None or came is None:
        return Finding("no cursor that moves is seen beside the window", False)
    moved = came - left
    return Finding(
        f"{moved_by(moved, 'right', 'left')} of the width for 6 degrees", 0.75 * CURSOR < moved < 1.25 * CURSOR
    )


def _column(brighter: Grey) -> float | None:
    """The middle column of what became brighter each time, as a share of the width; the window is left out."""
    width = brighter.shape[1]
    brighter[:, round(0.35 * width) : round(0.65 * width)] = 0.0
    columns = np.nonzero(brighter > 40.0)[1]
    return float(np.median(columns)) / width if len(columns) else None


def given_inventory(probe: Probe) -> Finding:
    """The reset option `inventory`."""
    try:
        probe.reset(options={"inventory": dict(INVENTORY)})
    except (ValueError, TypeError) as error:
        raise CheckSkipped(f"the environment does not take it: {error}") from None
    probe.wait()
    counts = probe.inventory
    found = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
    return Finding(found, counts == INVENTORY)


def hotbar_keys(probe: Probe) -> Finding:
    """The item in hand with each of the first two slots."""
    held = []
    for key in ("hotbar.1", "hotbar.2", "hotbar.1"):
        probe.step(key)
        probe.wait()
        held.append(probe.held)
    first, second = INVENTORY
    return Finding(", ".join(held), held == [first, second, first])


def dropping(probe: Probe) -> Finding:
    """The key `drop` with the first item in hand, pressed once."""
    probe.step("hotbar.1")
    probe.wait()
    before = probe.inventory
    probe.step("drop")
    probe.wait(2)
    after = probe.inventory
    changes = {name: after.get(name, 0) - count for name, count in before.items() if after.get(name, 0) != count}
    found = ", ".join(f"{change:+d} {name}" for name, change in changes.items()) or "nothing changed"
    return Finding(found, changes == {next(iter(INVENTORY)): -1})
