"""Checks of time: an action taken at frame i is first seen in frame i + 1."""

from env.conformance.finding import Finding
from env.conformance.pictures import first_change
from env.conformance.probe import Probe
from env.video.pictures import Frame

_HOTBAR = {"rows": slice(0.945, 1.0), "columns": slice(0.35, 0.65)}
"""Where the hotbar is, in shares of the picture's sides."""


def time_of_turn(probe: Probe) -> Finding:
    """Which frame first shows a turn."""
    return _time(probe, [probe.wait(12), probe.step(yaw=25.0)], least=0.02)


def time_of_key(probe: Probe) -> Finding:
    """Which frame first shows a key of the hotbar."""
    probe.step("hotbar.2")
    return _time(probe, [probe.wait(12), probe.step("hotbar.6")], least=0.005, **_HOTBAR)


def time_of_screen(probe: Probe) -> Finding:
    """Which frame first shows the inventory, and which info."""
    still = probe.wait(12)
    frames, told = [still, probe.step("inventory")], [probe.screen_open]
    for _ in range(4):
        frames.append(probe.step())
        told.append(probe.screen_open)
    probe.step("inventory")
    probe.wait()
    first = told.index(True) + 1 if True in told else None
    shown = first_change(frames, least=0.02)
    return Finding(f"picture: {_frame(shown)}; isGuiOpen: {_frame(first)}", shown == first == 1)


def _time(probe: Probe, frames: list[Frame], *, least: float, **where: slice) -> Finding:
    """Which of the frames from the one at which an action was taken first shows it."""
    frames = [*frames, *(probe.step() for _ in range(4))]
    shown = first_change(frames, least=least, **where)
    return Finding(_frame(shown), shown == 1)


def _frame(number: int | None) -> str:
    return "none of five frames" if number is None else f"frame i + {number}"
