"""Speed of an environment, and the memory that it and its processes take, over many steps."""

import time
from collections.abc import Sequence

import numpy as np
import psutil

from env.conformance.checks import PLAYS
from env.conformance.finding import Check, Finding
from env.conformance.probe import CheckFailed, Probe
from env.voxel.random_play import RandomPlay

GROSS = 2.0
"""Gigabytes of growth in 1,000 steps beyond which memory is not as expected: Java itself takes some at first."""
SAMPLES = 40
"""Times that memory is looked at."""
_FEW = 500
"""Steps below which no verdict is given on memory."""


class Endurance:
    """Plays at random for some steps; the two checks tell of the same play."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._memory: list[tuple[int, float]] = []

    def checks(self) -> tuple[Check, ...]:
        """Speed, then memory."""
        speed = f"{self._steps:,} steps of random play"
        return (
            Check(name="reset: time", expected="a figure, no verdict", measure=reset_times, needs=(PLAYS,)),
            Check(name="steps: speed", expected=f"{speed}; no verdict", measure=self.play, needs=(PLAYS,)),
            Check(
                name="steps: memory",
                expected=f"grows by less than {GROSS:g} GB in 1,000 steps",
                measure=self.growth,
                needs=("steps: speed",),
            ),
        )

    def play(self, probe: Probe) -> Finding:
        """Steps a second by the clock, without the resets."""
        play, seconds, ended = RandomPlay(probe.seed), 0.0, 0
        self._memory = [(0, memory())]
        every = max(1, self._steps // SAMPLES)
        for step in range(1, self._steps + 1):
            started = time.perf_counter()
            try:
                probe.act({**play.act(), "ESC": 0})
            except CheckFailed:
                if probe.failed:
                    raise
                ended += 1
                probe.reset()
                started = time.perf_counter()
            seconds += time.perf_counter() - started
            if step % every == 0:
                self._memory.append((step, memory()))
        rate = f"{self._steps / seconds:.1f} a second ({1e3 * seconds / self._steps:.2f} ms each)"
        return Finding(f"{rate}; {ended} episodes ended" if ended else rate)

    def growth(self, _: Probe) -> Finding:
        """Gigabytes of resident memory by which this process and those it started grow in 1,000 steps."""
        steps, used = zip(*self._memory, strict=True)
        slope = growth(steps, used)
        found = f"{used[0]:.2f} GB, then {used[-1]:.2f} GB: {1e3 * slope:+.0f} MB in 1,000 steps"
        return Finding(found, self._steps < _FEW or slope < GROSS)


def reset_times(probe: Probe) -> Finding:
    """Seconds by the clock of the resets made by the checks before."""
    first, *others = probe.reset_seconds
    if not others:
        return Finding(f"{first:.1f} s the first")
    return Finding(f"{first:.1f} s the first, then {min(others):.1f} to {max(others):.1f} s ({len(others)} more)")


def growth(steps: Sequence[int], used: Sequence[float]) -> float:
    """Gigabytes in 1,000 steps, by a straight line through the second half of the samples."""
    half = len(steps) // 2
    if len(steps) - half < 2:
        return 0.0
    return float(np.polyfit(steps[half:], used[half:], 1)[0]) * 1e3


def memory() -> float:
    """Gigabytes of resident memory of this process and all that descend from it."""
    this = psutil.Process()
    total = 0
    for process in (this, *this.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:  # gone in the meantime
            continue
    return total / 1e9
