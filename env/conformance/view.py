"""Checks of the view: whether the picture is upright, and which way and how far the camera turns it."""

from itertools import pairwise

import numpy as np

from env.conformance.finding import Finding
from env.conformance.pictures import changed, correlation, detail, grey, shift
from env.conformance.probe import Probe

WITHIN = 1.0
"""Degrees of tolerance for the view's direction."""
SMALL_TURN = 6.0
"""Degrees after which most of a view is still in the picture."""
ALIKE = 0.35
"""Correlation of two pictures of the same view, at least, with clouds and animals in it."""


def actions_act(probe: Probe) -> Finding:
    """Whether the picture answers to a turn, or to a key."""
    before = probe.wait()
    by_itself = changed(before, probe.wait())
    turned = changed(before, probe.turn(yaw=20.0))
    before = probe.turn(yaw=-20.0)
    probe.step("inventory")
    pressed = changed(before, probe.wait())
    if pressed > max(0.1, 1.5 * by_itself):
        probe.step("inventory")
    found = f"a turn changed {turned:.0%} of the pixels, inventory {pressed:.0%}, nothing {by_itself:.0%}"
    return Finding(found, max(turned, pressed) > max(0.02, 1.5 * by_itself))


def upright(probe: Probe) -> Finding:
    """Where in the picture the hotbar's frame moves: it is at the bottom, slot 1 left and slot 9 right."""
    left = _place_of_change(probe, "hotbar.1", "hotbar.2")
    right = _place_of_change(probe, "hotbar.8", "hotbar.9")
    found = f"slots 1 and 2 {_spot(left)}, slots 8 and 9 {_spot(right)}"
    if left is None or right is None:
        return Finding(found, False)
    return Finding(found, min(left[0], right[0]) > 0.85 and left[1] < 0.45 and right[1] > 0.55)


def _spot(place: tuple[float, float] | None) -> str:
    return "nowhere" if place is None else f"at {place[0]:.0%} of the height, {place[1]:.0%} of the width"


def _place_of_change(probe: Probe, first: str, second: str) -> tuple[float, float] | None:
    """Where the picture changes from one slot to another, each time in the same way: shares of height and width."""
    differences = []
    for _ in range(4):
        probe.step(first)
        before = probe.wait(3)
        probe.step(second)
        differences.append(grey(probe.wait(3)) - grey(before))
    same = np.maximum(np.min(differences, axis=0), -np.max(differences, axis=0))
    rows, columns = np.nonzero(same > 24.0)
    if not len(rows):
        return None
    height, width = same.shape
    return float(np.median(rows)) / height, float(np.median(columns)) / width


def axes(probe: Probe) -> Finding:
    """Which of the view's angles each part of `camera` turns."""
    across = _turned(probe, yaw=20.0)
    down = _turned(probe, pitch=20.0)
    found = f"camera[1] = 20: yaw {across[1]:+.1f}, pitch {across[0]:+.1f}; camera[0] = 20: yaw {down[1]:+.1f}, "
    found += f"pitch {down[0]:+.1f}"
    right = abs(across[1]) > WITHIN > abs(across[0]) and abs(down[0]) > WITHIN > abs(down[1])
    return Finding(found, right)


def _turned(probe: Probe, *, pitch: float = 0.0, yaw: float = 0.0) -> tuple[float, float]:
    """Degrees (pitch, yaw) by which location_stats turned; the view is turned back."""
    before = (probe.pitch, probe.yaw)
    probe.turn(pitch=pitch, yaw=yaw)
    turned = (probe.pitch - before[0], wrapped(probe.yaw - before[1]))
    probe.turn(pitch=-pitch, yaw=-yaw)
    return turned


def wrapped(degrees: float) -> float:
    """An angle from -180 up to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def turns_right(probe: Probe) -> Finding:
    """A positive yaw: location_stats and the picture."""
    turned = _turned(probe, yaw=SMALL_TURN)[1]
    across = _shift_of_view(probe, yaw=SMALL_TURN)[1]
    found = f"yaw {turned:+.1f} for {SMALL_TURN:+g}; the picture's content moved {moved_by(across, 'right', 'left')}"
    return Finding(found, turned > 0.0 and across < 0.0)


def turns_down(probe: Probe) -> Finding:
    """A positive pitch: location_stats and the picture."""
    turned = _turned(probe, pitch=SMALL_TURN)[0]
    down = _shift_of_view(probe, pitch=SMALL_TURN)[0]
    found = f"pitch {turned:+.1f} for {SMALL_TURN:+g}; the picture's content moved {moved_by(down, 'down', 'up')}"
    return Finding(found, turned > 0.0 and down < 0.0)


def moved_by(share: float, positive: str, negative: str) -> str:
    """A share of the picture's side as words, such as "left by 4.4%"."""
    return f"{positive if share > 0 else negative} by {abs(share):.1%}"


def _shift_of_view(probe: Probe, *, pitch: float = 0.0, yaw: float = 0.0) -> tuple[float, float]:
    """By how much the content moved (down, right), in the one of four directions in which that is seen best."""
    found = []
    for _ in range(4):
        before = probe.wait()
        after = probe.turn(pitch=pitch, yaw=yaw)
        found.append(shift(before, after))
        probe.turn(pitch=-pitch, yaw=90.0 - yaw)
    down, across, _ = max(found, key=lambda each: each[2])
    return down, across


def degrees(probe: Probe) -> Finding:
    """Four turns of 90 degrees: the yaw of each, and whether they come back to the first view."""
    yaws, views = [probe.yaw], [probe.wait()]
    for _ in range(4):
        views.append(probe.turn(yaw=90.0))
        yaws.append(probe.yaw)
    turned = [abs(wrapped(after - before)) for before, after in pairwise(yaws)]
    back, behind = correlation(views[0], views[4]), correlation(views[0], views[2])
    found = f"{min(turned):.1f} to {max(turned):.1f} each; likeness to the first view {behind:.2f} after two, "
    found += f"{back:.2f} after four"
    right = all(abs(each - 90.0) < WITHIN for each in turned)
    if detail(views[0]) < 2.0:
        return Finding(f"{found} (there is little to be seen)", right)
    return Finding(found, right and back > max(ALIKE, behind + 0.1))


def limits(probe: Probe) -> Finding:
    """The pitch where it stops, and how bright it is there."""
    found, light = [], []
    for sign in (1.0, -1.0):
        for _ in range(5):
            view = probe.turn(pitch=sign * 90.0)
        found.append(probe.pitch)
        light.append(float(grey(view).mean()) / 255.0)
    text = f"{found[0]:.1f} and {found[1]:.1f}; brightness there {light[0]:.2f} and {light[1]:.2f}"
    return Finding(text, sorted(abs(round(each, 1)) for each in found) == [90.0, 90.0] and found[0] * found[1] < 0.0)
