"""Plays the embedded world at random for a long time: it must neither crash nor grow in memory.

    python scripts/soak.py --ticks 100000

Each episode has a world and a player of its own; every key is pressed, screens are opened, and things are put into
their slots. Most ticks are played without a picture. What each stretch of ticks left in memory is printed.
"""

from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Any

import jsonargparse
import numpy as np

from env.voxel.environment import VoxelEnv
from env.voxel.random_play import RandomPlay

KIT = {"dirt": 64, "oak_log": 16, "crafting_table": 2, "furnace": 2, "torch": 32, "coal": 16, "iron_ore": 8}
"""What some episodes begin with, so that there is something to place, craft and smelt."""


def soak(ticks: int = 100_000, episode: int = 2000, every: int = 20, report: int = 10_000, seed: int = 0) -> None:
    """Plays at random.

    Args:
        ticks: Ticks in all.
        episode: Ticks of an episode at most; death ends it, too.
        every: Each so many ticks one is drawn.
        report: Ticks between two lines of figures.
        seed: Of the first episode; the next have the numbers after it.
    """
    game = VoxelEnv("vpt")
    seen: Counter[str] = Counter()
    for tick in range(ticks):
        if tick == 0 or not game.player.vitals.alive or game.tick >= episode:
            play = _begin(game, seed)
            seen["episodes"], seed = seen["episodes"] + 1, seed + 1
        action = play.act()
        if tick % every == 0:
            _check(game.step(action)[0], seen)
        else:
            game.advance(action)
        seen["ticks with a screen"] += game.game.screen is not None
        seen["deaths"] += not game.player.vitals.alive
        if (tick + 1) % report == 0:
            print(f"{tick + 1} ticks, {memory_mb():.0f} MB, " + ", ".join(f"{n} {name}" for name, n in seen.items()))


def _begin(game: VoxelEnv, seed: int) -> RandomPlay:
    rng = np.random.default_rng(seed)
    options: dict[str, Any] = {"time_of_day": int(rng.integers(24000)), "yaw": float(rng.uniform(-180.0, 180.0))}
    if rng.random() < 0.7:
        options["inventory"] = KIT
    game.reset(seed=seed, options=options)
    return RandomPlay(seed)


def _check(observation: dict[str, Any], seen: Counter[str]) -> None:
    """What must hold whatever was done."""
    place = observation["location_stats"]
    if not all(isfinite(value) for value in place.values()):
        raise AssertionError(f"the player is at {place}")
    if any(count < 0 for count in observation["inventory"].values()):
        raise AssertionError(f"less than nothing: {observation['inventory']}")
    seen["frames"] += 1


def memory_mb() -> float:
    """What this process holds just now (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    jsonargparse.auto_cli(soak, as_positional=False)
